"""Gateways of others, to measure beside ours: nginx (Debian's package) and LiteLLM's proxy (an environment of its own).

apt-get install nginx-light
python3 -m venv ~/.cache/tokenguard-bench/litellm
~/.cache/tokenguard-bench/litellm/bin/pip install 'litellm[proxy]'
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

LITELLM = Path(os.environ.get("TOKENGUARD_BENCH_LITELLM", "~/.cache/tokenguard-bench/litellm")).expanduser()
"""Virtual environment with `litellm[proxy]`."""

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 1m;
    upstream provider {{ server 127.0.0.1:{upstream}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""
_LITELLM = """
model_list:
  - model_name: "*"
    litellm_params:
      model: "anthropic/*"
      api_base: "http://127.0.0.1:{upstream}"
      api_key: "sk-of-nobody"
"""


def missing(name: str) -> str | None:
    """What has to be installed for a gateway, None if nothing."""
    if name == "nginx":
        return None if shutil.which("nginx") else "nginx is not installed (apt-get install nginx-light)"
    found = (LITELLM / "bin" / "litellm").exists()
    return None if found else f"there is no litellm in {LITELLM} (see other_gateways.py)"


@contextmanager
def nginx(upstream_port: int) -> Generator[tuple[int, int]]:
    """(pid, port) of nginx before that upstream, unbuffered, with one worker."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        config = Path(folder, "nginx.conf")
        config.write_text(_NGINX.format(folder=folder, port=port, upstream=upstream_port))
        with subprocess.Popen(["nginx", "-p", folder, "-c", str(config)], stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(port, process)
                yield process.pid, port
            finally:
                process.terminate()


@contextmanager
def litellm(upstream_port: int) -> Generator[tuple[int, int]]:
    """(pid, port) of LiteLLM's proxy before that upstream, with one worker and its prices from its own package."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        config = Path(folder, "config.yaml")
        config.write_text(_LITELLM.format(upstream=upstream_port))
        command = [str(LITELLM / "bin" / "litellm"), "--config", str(config), "--telemetry", "False"]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        env = {
            **os.environ,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=env, cwd=folder, stdout=quiet, stderr=quiet) as process:
            try:
                _wait_for(port, process)
                yield process.pid, port
            finally:
                process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{process.args!r} does not answer on port {port}")
