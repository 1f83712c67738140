"""Mistral Vibe.

Its settings are TOML, and `VIBE_PROVIDERS` wins over the providers in them: all of the user's go into it, with our
addresses. Versions before 3 take that list in place of the user's, later ones merge it by name. A folder's
`.vibe/config.toml` counts where the user trusts the folder. A refusal ends it with exit code 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from tokenguard.agents import environment
from tokenguard.agents.settings import read_toml
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.side import Side, identifier
from tokenguard.agents.urls import Ways
from tokenguard.records import Facts
from tokenguard.wire.shape import Refusal

NAME = "vibe"
TITLE = "Mistral Vibe"
COMMANDS = ("vibe",)
PROGRAMS = ("/mistral-vibe/", "/vibe/_bin/vibe-rs", "/vibe-app-server", "/vibe-acp")
INSTALL = "install it with uv tool install mistral-vibe"
LOGIN = "run vibe --setup, or set MISTRAL_API_KEY"
MINIMUM = ""
DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages")
HOLD_SECONDS = 300
"""It was seen to wait for 320 s."""
GUARDED = "VIBE_PROVIDERS, with all of the user's own"
NOT_COVERED = ("voice", "Vertex AI", "providers that an organisation prescribes")
LEAVES = ""

_CLASSES = {"title_generation": "title", "worktree_title": "title", "smart_approve": "side"}
"""Types of calls that are no turns."""

_MISTRAL = {
    "name": "mistral",
    "api_base": "https://api.mistral.ai/v1",
    "api_key_env_var": "MISTRAL_API_KEY",
    "backend": "mistral",
}
"""The provider that it has by itself."""

_VARIABLE = "VIBE_PROVIDERS"
_PATHS = {"anthropic": ("anthropic", ""), "openai": ("openai", "/v1"), "openai-responses": ("openai", "/v1")}
"""`api_style` -> (provider, path that is expected in the base URL)."""

_ALONE = {
    "VIBE_ENABLE_TELEMETRY": "false",
    "VIBE_ENABLE_UPDATE_CHECKS": "false",
    "VIBE_ENABLE_CONNECTORS": "false",
    # Else it asks Mistral for what its organisation prescribes. Nobody answers there.
    "VIBE_VIBE_BASE_URL": "http://127.0.0.1:9",
}


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    ways = Ways(situation.base_url, situation.providers)
    providers: list[dict[str, Any]] = []
    notes: list[str] = []
    for provider in _providers(situation).values():
        name, url = provider["name"], provider.get("api_base")
        if not provider.get("api_key_env_var") and provider.get("api_style") != "vertex-anthropic":
            providers.append(provider)  # nobody is paid for its calls
            continue
        guarded = _guarded(ways, provider, url if isinstance(url, str) else None)
        if guarded is None:
            notes.append(f"Vibe's provider {name} cannot be led through tokenguard: its calls are not guarded")
        providers.append(provider if guarded is None else {**provider, "api_base": guarded})
    return Recipe(
        situation.args,
        env={_VARIABLE: json.dumps(providers, default=str), **environment.direct_loopback(situation.env)},
        upstreams=ways.upstreams,
        network=environment.network(situation.env),
        notes=tuple(notes),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request, and the text. It hides the text of a 403."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    lines = [f'{key} = "{value}"' for key, value in (_MISTRAL | {"api_base": f"{base_url}/mistral/v1"}).items()]
    return ByHand(settings=(("~/.vibe/config.toml", "\n".join(["[[providers]]", *lines])),))


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    return Trial(before=("--prompt",), env={"MISTRAL_API_KEY": key, **_ALONE}, stopped=2)


def side(headers: Mapping[str, str], facts: Facts) -> Side:
    """See `SideOf`. Its metadata say it, in version 3.0 and to Mistral; a `secondary_call` follows on a tool."""
    about = facts.about
    session, parent = identifier(about.get("session_id")), identifier(about.get("parent_session_id"))
    request_class = _CLASSES.get(about.get("call_type", ""), "sub-agent" if parent else "main")
    return Side(request_class, parent or session, session if parent else None)


def _guarded(ways: Ways, provider: Mapping[str, Any], url: str | None) -> str | None:
    """The base URL that a provider gets; None if it cannot be guarded."""
    if provider.get("backend") == "mistral" or provider["name"] == "mistral":
        return ways.to("mistral", "/v1", url)
    path = _PATHS.get(provider.get("api_style", "openai"))
    return ways.to(*path, url) if path is not None and url else None


def _providers(situation: Situation) -> dict[str, dict[str, Any]]:
    """Its providers by name, as the user's settings have them."""
    home = Path(situation.env.get("VIBE_HOME") or situation.home / ".vibe")
    found = {"mistral": dict[str, Any](_MISTRAL)}
    files = [home / "config.toml", *_trusted(situation, home)]
    for listed in (*(read_toml(file).get("providers") for file in files), _parsed(situation.env.get(_VARIABLE, ""))):
        for provider in cast("list[object]", listed) if isinstance(listed, list) else []:
            if isinstance(provider, dict) and isinstance(name := cast("dict[str, Any]", provider).get("name"), str):
                found[name] = cast("dict[str, Any]", provider)
    # Those with an address of a provider that we know come first: no other may take its place.
    known = tuple(situation.providers.values())
    return dict(sorted(found.items(), key=lambda one: not str(one[1].get("api_base", "")).startswith(known)))


def _trusted(situation: Situation, home: Path) -> Iterator[Path]:
    """The folder's own settings, if the user trusts the folder."""
    file = situation.cwd / ".vibe" / "config.toml"
    decided = read_toml(home / "trusted_folders.toml")
    for folder in (situation.cwd, *situation.cwd.parents):
        if "--trust" in situation.args or str(folder) in _strings(decided.get("trusted")):
            yield file
            return
        if str(folder) in _strings(decided.get("untrusted")):
            return


def _strings(value: object) -> list[str]:
    return [one for one in cast("list[object]", value) if isinstance(one, str)] if isinstance(value, list) else []


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
