"""Kimi CLI, the Python program that came before Kimi Code; its other command, `kimi`, is that one's too.

Started with a copy of the user's settings, given with `--config-file`: the addresses of providers are ours there.
`KIMI_BASE_URL` and `OPENAI_BASE_URL` win over the file, and become ours where the user has set them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tokenguard.agents import environment
from tokenguard.agents.kimi_settings import SERVICES, guard, objects
from tokenguard.agents.options import take
from tokenguard.agents.settings import parse_json, parse_toml, read_json, read_toml, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways
from tokenguard.wire.shape import Refusal

NAME = "kimi-cli"
TITLE = "Kimi CLI"
COMMANDS = ("kimi-cli",)
PROGRAMS = ("/kimi-cli/", "/kimi_cli/", "Kimi Code", "kimi-code-worker", "kimi-code-bg-worker")
"""It calls its processes by the names of its successor, in words of its own."""
INSTALL = "install it with uv tool install kimi-cli"
LOGIN = "put a provider with an api_key, and a model, into ~/.kimi/config.toml"
MINIMUM = ""
DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
HOLD_SECONDS = 300
"""It was seen to wait for 590 s."""
GUARDED = "a copy of its config.toml with other addresses, given with --config-file"
NOT_COVERED = ("a login to a Kimi plan", "Vertex AI", "kimi-cli acp, term and web")
LEAVES = ""

_FILE = "kimi-cli.json"
_WINS = {"kimi": "KIMI_BASE_URL", "openai_legacy": "OPENAI_BASE_URL", "openai_responses": "OPENAI_BASE_URL"}
"""Type of provider -> the variable that wins over its address in the file."""
_VARIABLES = tuple(dict.fromkeys(_WINS.values()))
_ELSEWHERE = ("acp", "term", "web")
"""Commands that read the user's own file in any case."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env, ways = situation.env, Ways(situation.base_url, situation.providers)
    ours = environment.direct_loopback(env)
    for kind, variable in _WINS.items():
        if theirs := env.get(variable):
            ours[variable] = ways.to(SERVICES[kind].provider, SERVICES[kind].path, theirs) or theirs
    plain = Recipe(situation.args, env=ours, upstreams=ways.upstreams, network=environment.network(env))
    if not set(_ELSEWHERE).isdisjoint(situation.args):
        note = f"{TITLE} as a server reads its own settings: only calls by {' and '.join(_VARIABLES)} are guarded"
        return replace(plain, notes=(note,))
    config, place, rest = _config(situation)
    providers = objects(config, "providers")
    if not providers:
        note = f"{TITLE} finds no provider in {place}: its calls are not guarded"
        return replace(plain, notes=(note,))
    for entry in providers.values():
        variable = _WINS.get(text_at(entry, "type") or "", "")
        entry["base_url"] = env.get(variable) or text_at(entry, "base_url")
    notes = guard(TITLE, providers, {}, ways)
    return replace(
        plain,
        args=("--config-file", str(situation.folder / _FILE), *rest),
        files={_FILE: json.dumps(config, default=str)},
        upstreams=ways.upstreams,
        notes=tuple(notes),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    return ByHand(env={"KIMI_BASE_URL": f"{base_url}/kimi/v1", "OPENAI_BASE_URL": f"{base_url}/openai/v1"})


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    config = (
        'default_model = "main"\ntelemetry = false\n'
        f'[providers.own]\ntype = "kimi"\nbase_url = "https://api.moonshot.ai/v1"\napi_key = "{key}"\n'
        '[models.main]\nprovider = "own"\nmodel = "kimi-k2.7-code"\nmax_context_size = 262144\n'
    )
    return Trial(before=("--quiet", "-p"), files={".kimi/config.toml": config})


def _config(situation: Situation) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """(settings, where they are, the other arguments). What cannot be read is empty."""
    texts, rest = take(situation.args, "--config")
    files, rest = take(rest, "--config-file")
    if texts:
        return parse_json(texts[-1]) or parse_toml(texts[-1]) or {}, "--config", rest
    home = Path(situation.env.get("KIMI_SHARE_DIR") or situation.home / ".kimi")
    file = situation.cwd / files[-1] if files else home / "config.toml"
    config = read_json(file) if file.suffix.lower() == ".json" else read_toml(file)
    return config, str(file), rest
