"""GitHub Copilot's command line, with a key of the user's own.

`COPILOT_PROVIDER_BASE_URL` names the one provider, or `providers.json` several: the file counts if
`COPILOT_PROVIDERS_CONFIG` names it, else only without the variable. Of a GitHub plan it asks GitHub, and no setting
that is documented leads those calls elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from tokenguard.agents import environment
from tokenguard.agents.settings import read_json, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways
from tokenguard.wire.shape import Refusal

NAME = "copilot"
TITLE = "Copilot CLI"
COMMANDS = ("copilot",)
PROGRAMS = ("@github/copilot/", "@github/copilot-")
INSTALL = "install it with npm install -g @github/copilot"
LOGIN = "set COPILOT_PROVIDER_BASE_URL, COPILOT_PROVIDER_API_KEY and COPILOT_MODEL"
MINIMUM = ""
DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages")
HOLD_SECONDS = 300
"""It was seen to wait for 320 s."""
GUARDED = "COPILOT_PROVIDER_BASE_URL, or a copy of its providers.json"
NOT_COVERED = ("models of a GitHub plan, unless with --intercept", "Azure")
LEAVES = ""

_URL = "COPILOT_PROVIDER_BASE_URL"
_TYPE = "COPILOT_PROVIDER_TYPE"
_LIST = "COPILOT_PROVIDERS_CONFIG"
_FILE = "copilot-providers.json"
_PROXIES = {"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"}
_SERVICES = {"openai": ("openai", "/v1"), "anthropic": ("anthropic", "")}
"""Its type of a provider -> ours, and the path in base URLs of that kind."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = situation.env
    ways = Ways(situation.base_url, situation.providers)
    ours, notes, files = environment.direct_loopback(env), list[str](), dict[str, str]()
    listed = _listed(situation)
    if listed is not None:
        files[_FILE] = json.dumps({**listed, "providers": [_entry(ways, one, notes) for one in listed["providers"]]})
        ours[_LIST] = str(situation.folder / _FILE)
    elif theirs := env.get(_URL):
        if base_url := _base_url(ways, env.get(_TYPE), theirs):
            ours[_URL] = base_url
        else:
            notes.append(f"Copilot's provider is at {theirs}: its calls are not guarded")
    else:
        notes.append("Copilot's models of a GitHub plan are served by GitHub: calls to them are not guarded")
    return Recipe(
        situation.args,
        env=ours,
        files=files,
        upstreams=ways.upstreams,
        network={**_proxy(situation), **environment.network(env)},
        notes=tuple(notes),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request. It hides the text of a 403."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    return ByHand(
        env={_URL: f"{base_url}/openai/v1"},
        notes=(
            f"with {_TYPE}=anthropic: {base_url}/anthropic",
            "models of a GitHub plan are served by GitHub and not guarded",
        ),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    return Trial(
        before=("-p",),
        env={
            _URL: "https://api.anthropic.com",
            _TYPE: "anthropic",
            "COPILOT_PROVIDER_API_KEY": key,
            "COPILOT_MODEL": "claude-opus-5-5",
            "COPILOT_OFFLINE": "true",
            "COPILOT_AUTO_UPDATE": "false",
        },
    )


def _listed(situation: Situation) -> dict[str, Any] | None:
    """What the file of providers holds, where it counts."""
    named = (situation.env.get(_LIST) or "").strip()
    if not named and situation.env.get(_URL):
        return None
    listed = read_json(situation.cwd / named if named else _home(situation) / "providers.json")
    return listed if listed.get("providers") and isinstance(listed["providers"], list) else None


def _home(situation: Situation) -> Path:
    return Path(situation.env.get("COPILOT_HOME") or situation.home / ".copilot")


def _proxy(situation: Situation) -> dict[str, str]:
    """The proxy of its settings. One in the environment wins."""
    proxy = text_at(read_json(_home(situation) / "settings.json"), "proxyUrl")
    return dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY"), proxy) if proxy and not _PROXIES & situation.env.keys() else {}


def _entry(ways: Ways, entry: object, notes: list[str]) -> object:
    """A provider with our address, or as it is with a note that says so."""
    if not isinstance(entry, dict):
        return entry
    entry = cast("dict[str, Any]", entry)
    theirs = text_at(entry, "baseUrl")
    if base_url := _base_url(ways, text_at(entry, "type"), theirs):
        return {**entry, "baseUrl": base_url}
    notes.append(f"Copilot's provider {text_at(entry, 'name')} is at {theirs}: its calls are not guarded")
    return entry


def _base_url(ways: Ways, kind: str | None, theirs: str | None) -> str | None:
    if not theirs:
        return None
    if service := _SERVICES.get((kind or "openai").lower()):
        return ways.to(*service, theirs)
    return ways.known(theirs)
