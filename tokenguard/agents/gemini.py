"""Gemini CLI.

`GOOGLE_GEMINI_BASE_URL` does it, except that where the user's settings name no way to sign in, the variable makes the
program take another one than the API key; then it gets an overlay of its home, whose settings name the key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from tokenguard.agents import environment
from tokenguard.agents.settings import object_at, read_dotenv, read_json, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.side import Side
from tokenguard.agents.urls import way
from tokenguard.records import Facts
from tokenguard.wire.shape import Refusal

NAME = "gemini"
TITLE = "Gemini CLI"
COMMANDS = ("gemini",)
PROGRAMS = ("@google/gemini-cli/",)
INSTALL = "install it with npm install -g @google/gemini-cli"
LOGIN = "set GEMINI_API_KEY"
MINIMUM = ""
DIALECTS = ("gemini",)
HOLD_SECONDS = 50
"""It aborts after 60 s without an answer."""
GUARDED = "GOOGLE_GEMINI_BASE_URL, with an overlay of its home where that names no way to sign in"
NOT_COVERED = ("a Google account", "Vertex AI")
LEAVES = ""

_KEY = "GEMINI_API_KEY"
_URL = "GOOGLE_GEMINI_BASE_URL"
_BY_KEY = "gemini-api-key"

_ROUTED = frozenset({"complexity_score", "model_choice"})
"""What its routers want to know (0.61): how hard a task is, or which model it takes."""
_ELSEWHERE = {
    "oauth-personal": "a Google account",
    "vertex-ai": "Google Vertex AI",
    "compute-default-credentials": "Google Cloud credentials",
}
"""Ways to sign in that lead to other services than the Gemini API."""

_SYSTEM = (
    Path("/etc/gemini-cli/settings.json"),
    Path("/Library/Application Support/GeminiCli/settings.json"),
)
"""The administrator's settings (Linux, macOS), which win over the user's."""

_FOLDERS = ("tmp", "history")
"""What it makes in its folder at every start and needs again later, such as chats to resume."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = situation.env
    home = Path(env.get("GEMINI_CLI_HOME") or situation.home)
    dotenv = _dotenv(situation.cwd, home)
    settings = read_json(home / ".gemini" / "settings.json")
    selected = _selected(settings, {**dotenv, **env})
    # An address in a file belongs to the key in the same file: a repository's must not get the user's own key.
    theirs = env.get(_URL) or (dotenv.get(_URL) if _KEY in dotenv and _KEY not in env else None)
    route = way(situation.base_url, situation.providers, "gemini", theirs=theirs)
    plain = Recipe(
        situation.args,
        env={_URL: route.base_url, **environment.direct_loopback(env)},
        upstreams=route.upstreams,
        network=environment.network(env),
        notes=tuple(_notes(selected)),
    )
    if selected is not None or _URL in env or not (env.get(_KEY) or dotenv.get(_KEY)):
        return plain
    return structs.replace(
        plain,
        env={**plain.env, "GEMINI_CLI_HOME": str(situation.folder)},
        files={".gemini/settings.json": json.dumps(_choosing_the_key(settings))},
        links=dict(_overlay(home)),
        folders=tuple(home / ".gemini" / name for name in _FOLDERS),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request, and one of the router model's before it."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`. Without the setting the variable makes it take another way to sign in than the key."""
    chosen = json.dumps({"security": {"auth": {"selectedType": _BY_KEY}}}, indent=2)
    return ByHand(env={_URL: f"{base_url}/gemini"}, settings=(("~/.gemini/settings.json", chosen),))


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    alone = {
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
    }
    return Trial(
        before=("-p",),
        env={_KEY: key, "GEMINI_CLI_TRUST_WORKSPACE": "true"},
        files={".gemini/settings.json": json.dumps(alone)},
    )


def side(headers: Mapping[str, str], facts: Facts) -> Side:
    """See `SideOf`. Its turns stream and have tools; a request that does neither is a helper's, which says no name."""
    if _ROUTED.intersection(facts.wanted):
        return Side("router")
    return Side("main" if facts.stream or facts.has_tools else "side")


def _selected(settings: Mapping[str, Any], env: Mapping[str, str]) -> str | None:
    """The way to sign in that settings or environment choose; None if the program would go by the key."""
    for layer in (*map(read_json, _SYSTEM), settings):
        if found := text_at(layer, "security", "auth", "selectedType"):
            return found
    if env.get("GOOGLE_GENAI_USE_GCA") == "true":
        return "oauth-personal"
    return "vertex-ai" if env.get("GOOGLE_GENAI_USE_VERTEXAI") == "true" else None


def _dotenv(cwd: Path, home: Path) -> dict[str, str]:
    """The one `.env` file that it would read: the nearest above the folder, else the home's."""
    for folder in (cwd, *cwd.parents, home):
        for file in (folder / ".gemini" / ".env", folder / ".env"):
            if file.is_file():
                return read_dotenv(file)
    return {}


def _choosing_the_key(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The user's settings, with the API key as the way to sign in."""
    security, auth = object_at(settings, "security"), object_at(settings, "security", "auth")
    return {**settings, "security": {**security, "auth": {**auth, "selectedType": _BY_KEY}}}


def _overlay(home: Path) -> Iterator[tuple[str, Path]]:
    """Links that make the overlay's folder the user's own, but for the settings."""
    own = home / ".gemini"
    try:
        names = {entry.name for entry in own.iterdir()}
    except OSError:
        names = set[str]()
    for name in sorted((names | set(_FOLDERS)) - {"settings.json"}):
        yield f".gemini/{name}", own / name
    for name in (".env", ".agents"):
        if (home / name).exists():
            yield name, home / name


def _notes(selected: str | None) -> Iterator[str]:
    if selected in _ELSEWHERE:
        yield f"Gemini CLI signs in with {_ELSEWHERE[selected]}: its calls are not guarded"
