"""Kimi Code.

Addresses stand in its `config.toml`, with each provider or model, and nothing on the command line or in the
environment wins over them: it gets an overlay of its home whose settings name ours. What it writes into its settings
during such a run goes away with the overlay; sessions, credentials and logs are the user's own. A model that the
variables `KIMI_MODEL_*` describe needs no file. The command `kimi` may also start Kimi CLI, its predecessor.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tokenguard.agents import environment, kimi_cli
from tokenguard.agents.kimi_settings import SERVICES, guard, objects
from tokenguard.agents.settings import read_toml, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways, is_session_url
from tokenguard.wire.shape import Refusal

NAME = "kimi-code"
TITLE = "Kimi Code"
COMMANDS = ("kimi",)
PROGRAMS = ("@moonshot-ai/kimi-code/",)
INSTALL = "install it with npm install -g @moonshot-ai/kimi-code"
LOGIN = "set KIMI_MODEL_NAME and KIMI_MODEL_API_KEY, or start kimi and type /login"
MINIMUM = ""
DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
HOLD_SECONDS = 240
"""It sends its request again after 300 s."""
GUARDED = "an overlay of its home with other addresses in config.toml; what a run changes in there is not kept"
NOT_COVERED = ("a login to a Kimi plan", "Vertex AI")
LEAVES = ""

_SETTINGS = "config.toml"
_NAMED = "KIMI_MODEL_NAME"
_URL = "KIMI_MODEL_BASE_URL"
_TYPE = "KIMI_MODEL_PROVIDER_TYPE"
_SCRIPT = 1_000
"""Bytes; what starts a package of Python's is shorter."""
_FOLDERS = ("sessions", "logs", "cache", "credentials")
"""What it makes in its home and needs again later."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    if _is_the_predecessor(situation.env):
        return kimi_cli.recipe(situation)
    env, ways = situation.env, Ways(situation.base_url, situation.providers)
    ours, notes = environment.direct_loopback(env), list[str]()
    if env.get(_NAMED):
        kind = env.get(_TYPE, "kimi").strip().lower()
        service = SERVICES.get(kind)
        theirs = env.get(_URL) or (env.get(service.variable) if service else None)
        if service and (base_url := ways.to(service.provider, service.path, theirs)):
            ours[_URL] = base_url
        else:
            notes.append(f"{TITLE}'s model {env[_NAMED]} is at {theirs or kind}: its calls are not guarded")
    home = Path(env.get("KIMI_CODE_HOME") or situation.home / ".kimi-code")
    config = read_toml(home / _SETTINGS)
    guarded = _guard(config, env, ways, notes)
    plain = Recipe(
        situation.args, env=ours, upstreams=ways.upstreams, network=environment.network(env), notes=tuple(notes)
    )
    if guarded:
        import tomli_w  # costs a few milliseconds, needed for this agent only

        return replace(
            plain,
            env={**ours, "KIMI_CODE_HOME": str(situation.folder)},
            files={_SETTINGS: tomli_w.dumps(config)},
            links=dict(_overlay(home)),
            folders=tuple(home / name for name in _FOLDERS),
        )
    if not notes and not env.get(_NAMED):
        note = f"{TITLE} finds no provider in {home / _SETTINGS}: its calls are not guarded"
        return replace(plain, notes=(note,))
    return plain


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    provider = f'[providers.guarded]\ntype = "kimi"\nbase_url = "{base_url}/kimi/v1"\napi_key = "..."'
    return ByHand(
        env={_URL: f"{base_url}/kimi/v1"},
        settings=(("~/.kimi-code/config.toml", provider),),
        notes=(f"the variable counts for a model that {_NAMED} names",),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    config = (
        'default_model = "main"\ntelemetry = false\n'
        f'[providers.own]\ntype = "kimi"\nbase_url = "https://api.moonshot.ai/v1"\napi_key = "{key}"\n'
        '[models.main]\nprovider = "own"\nmodel = "kimi-k2.7-code"\nmax_context_size = 262144\n'
    )
    return Trial(
        before=("-p",),
        env={"KIMI_CODE_NO_AUTO_UPDATE": "1", "KIMI_DISABLE_TELEMETRY": "1"},
        files={f".kimi-code/{_SETTINGS}": config},
    )


def _is_the_predecessor(env: Mapping[str, str]) -> bool:
    """Whether the command is a script that runs Kimi CLI's package."""
    found = shutil.which(COMMANDS[0], path=env.get("PATH"))
    try:
        with open(found or "", "rb") as file:
            return b"kimi_cli" in file.read(_SCRIPT)
    except OSError:
        return False


def _guard(config: Mapping[str, Any], env: Mapping[str, str], ways: Ways, notes: list[str]) -> bool:
    """Put our addresses into the settings, and what to say of the others into `notes`. False if there is no way."""
    providers, models = objects(config, "providers"), objects(config, "models")
    theirs = {kind: env.get(service.variable) for kind, service in SERVICES.items()}
    notes += guard(TITLE, providers, theirs, ways)
    for name, model in models.items():
        address = text_at(model, "base_url")
        if address is None:
            continue
        kind = text_at(model, "protocol") or text_at(providers.get(text_at(model, "provider") or "", {}), "type") or ""
        service = SERVICES.get(kind)
        if service and (base_url := ways.to(service.provider, service.path, address)):
            model["base_url"] = base_url
        else:
            notes.append(f"{TITLE}'s model {name} is at {address}: its calls are not guarded")
    return any(is_session_url(text_at(one, "base_url") or "") for one in (*providers.values(), *models.values()))


def _overlay(home: Path) -> Iterator[tuple[str, Path]]:
    """Links that make the overlay the user's own home, but for the settings."""
    try:
        names = {entry.name for entry in home.iterdir()}
    except OSError:
        names = set[str]()
    for name in sorted((names | set(_FOLDERS)) - {_SETTINGS}):
        yield name, home / name
