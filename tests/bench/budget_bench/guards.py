"""The guards that are compared, each as a process before a provider, with one limit for everything.

LiteLLM and agent-circuit-breaker come from PyPI, each in an environment of its own:

python3 -m venv ~/.cache/tokenguard-bench/litellm
~/.cache/tokenguard-bench/litellm/bin/pip install 'litellm[proxy]'
python3 -m venv ~/.cache/tokenguard-bench/breaker
~/.cache/tokenguard-bench/breaker/bin/pip install localab-circuit-breaker
apt-get install redis-server     (for LiteLLM with Redis)
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from tests.bench.budget_bench.agents import MODEL
from tests.bench.other_gateways import LITELLM
from tests.support.home import COMMAND, Home

BREAKER = Path(os.environ.get("TOKENGUARD_BENCH_BREAKER", "~/.cache/tokenguard-bench/breaker")).expanduser()
"""Virtual environment with `localab-circuit-breaker`."""

STARTS_WITHIN_S = 120.0
KEY = "sk-bench"

_TOKENGUARD = """
[[budget]]
name = "all"
scope = "global"
limit = "{limit}"
window = "total"
mode = "{mode}"
"""
_LITELLM = """
model_list:
  - model_name: "{model}"
    litellm_params:
      model: "anthropic/{model}"
      api_base: "http://127.0.0.1:{upstream}"
      api_key: "sk-of-nobody"
litellm_settings:
  num_retries: 0
  request_timeout: 120
"""
_LITELLM_PROVIDER = """
router_settings:
  num_retries: 0
  provider_budget_config:
    anthropic:
      budget_limit: {limit}
      time_period: 1d
"""
_LITELLM_KEY = """
  enable_post_custom_auth_checks: true
general_settings:
  master_key: sk-master
  custom_auth: keys.user_api_key_auth
  custom_auth_run_common_checks: true
"""
_LITELLM_KEYS_PY = """
from litellm.proxy._types import UserAPIKeyAuth, hash_token

async def user_api_key_auth(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, token=hash_token(api_key), max_budget={limit}, spend=0.0, models=["*"])
"""
_REDIS = """
  redis_host: "127.0.0.1"
  redis_port: {redis}
"""
_REDIS_CACHE = """
  cache: true
  cache_params:
    type: redis
    host: "127.0.0.1"
    port: {redis}
    supported_call_types: []
"""


class Running:
    """A guard at work."""

    def __init__(self, command: list[str], env: Mapping[str, str], folder: Path, port: int, path: str) -> None:
        self.port = port
        self.path = path
        self.headers = {"x-api-key": KEY, "authorization": f"Bearer {KEY}"}
        self._command, self._env, self._folder = command, env, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(self._command, env=self._env, cwd=self._folder, stdout=log, stderr=log)
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{self._command} does not answer: {(self._folder / 'log').read_text()[-2_000:]}")

    def kill(self) -> None:
        """`kill -9`"""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


class Redis:
    """A Redis of our own, which survives the guard."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("redis-server does not answer")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


class Guard(Struct, frozen=True):
    """A guard, and how it is set up."""

    name: str
    make: Callable[[Path, int, float, int], Running]
    """(folder, port of the provider, limit in dollars, port of Redis) -> the guard, not yet started."""
    missing: Callable[[], str | None]
    """What has to be installed first."""
    redis: bool = False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tokenguard(mode: str) -> Callable[[Path, int, float, int], Running]:
    def make(folder: Path, upstream: int, limit: float, redis: int) -> Running:
        home, port = Home(folder / "home"), free_port()
        budget = _TOKENGUARD.format(limit=f"{limit:.9f}", mode=mode)
        home.configure(f"port = {port}", f'[providers.anthropic]\nbase_url = "http://127.0.0.1:{upstream}"\n{budget}')
        env = home.env | {"PYTHONPATH": os.pathsep.join(path for path in ("", *sys.path) if path)}
        return Running(COMMAND, env, folder, port, "/anthropic/v1/messages")

    return make


def _litellm(settings: str, *, redis_settings: str = "", keys: bool = False) -> Callable[..., Running]:
    def make(folder: Path, upstream: int, limit: float, redis: int) -> Running:
        port = free_port()
        text = _LITELLM.format(model=MODEL, upstream=upstream)
        parts = [_REDIS_CACHE if keys else "", settings, "" if keys else _REDIS] if redis else [settings]
        text += "".join(part.format(limit=f"{limit:.9f}", redis=redis) for part in parts)
        (folder / "config.yaml").write_text(text)
        if keys:
            (folder / "keys.py").write_text(_LITELLM_KEYS_PY.format(limit=f"{limit:.9f}"))
        command = [str(LITELLM / "bin" / "litellm"), "--config", str(folder / "config.yaml"), "--telemetry", "False"]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        env = {
            **os.environ,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        return Running(command, env, folder, port, "/v1/messages")

    return make


def _breaker(folder: Path, upstream: int, limit: float, redis: int) -> Running:
    port = free_port()
    prices = {MODEL: {"input_price_per_1m": 1.0, "output_price_per_1m": 5.0}}
    (folder / "prices.json").write_text(json.dumps(prices))
    command = [str(BREAKER / "bin" / "agent-circuit-breaker"), "--port", str(port), "--state", str(folder / "state.db")]
    command += ["--run-budget", "1000000", "--daily-budget", f"{limit:.9f}", "--prices", str(folder / "prices.json")]
    command += ["--anthropic-base-url", f"http://127.0.0.1:{upstream}"]
    return Running(command, os.environ, folder, port, "/anthropic/v1/messages")


def _nothing() -> None:
    return None


def _no_litellm() -> str | None:
    return None if (LITELLM / "bin" / "litellm").exists() else f"there is no litellm in {LITELLM}"


def _no_litellm_redis() -> str | None:
    return _no_litellm() or (None if shutil.which("redis-server") else "redis-server is not installed")


def _no_breaker() -> str | None:
    return None if (BREAKER / "bin" / "agent-circuit-breaker").exists() else f"there is nothing in {BREAKER}"


GUARDS = (
    Guard("tokenguard, calibrated", _tokenguard("calibrated"), _nothing),
    Guard("tokenguard, strict", _tokenguard("strict"), _nothing),
    Guard("litellm, key, memory", _litellm(_LITELLM_KEY, keys=True), _no_litellm),
    Guard("litellm, key, redis", _litellm(_LITELLM_KEY, keys=True), _no_litellm_redis, redis=True),
    Guard("litellm, provider, memory", _litellm(_LITELLM_PROVIDER), _no_litellm),
    Guard("litellm, provider, redis", _litellm(_LITELLM_PROVIDER), _no_litellm_redis, redis=True),
    Guard("agent-circuit-breaker", _breaker, _no_breaker),
)
