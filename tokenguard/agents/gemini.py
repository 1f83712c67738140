"""Gemini CLI.

Each way to sign in has a service, and a variable for its address: the Gemini API by key, Code Assist by a Google
account, Vertex AI. `GOOGLE_GEMINI_BASE_URL` alone has a catch: where the user's settings name no way to sign in, it
makes the program take another one than the key; then it gets an overlay of its home, whose settings name the key, and
have our hooks beside the user's own. (Elsewhere it takes hooks from nobody but the user, the project and the system's
administrator.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from tokenguard.agents import environment, hooks
from tokenguard.agents.clouds import vertex_url
from tokenguard.agents.settings import object_at, read_dotenv, read_json, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.side import Side
from tokenguard.agents.urls import Way, is_session_url, way
from tokenguard.records import Facts
from tokenguard.wire.shape import Refusal

NAME = "gemini"
TITLE = "Gemini CLI"
COMMANDS = ("gemini",)
PROGRAMS = ("@google/gemini-cli/",)
INSTALL = "install it with npm install -g @google/gemini-cli"
LOGIN = "set GEMINI_API_KEY, or start gemini and sign in with Google"
MINIMUM = ""
DIALECTS = ("gemini", "code-assist")
HOLD_SECONDS = 50
"""It aborts after 60 s without an answer."""
GUARDED = "variables with base URLs, with an overlay of its home where that names no way to sign in"
NOT_COVERED = ("a gateway of an editor's",)
LEAVES = ""

_KEY = "GEMINI_API_KEY"
_URL = "GOOGLE_GEMINI_BASE_URL"
_BY_KEY = "gemini-api-key"

_ROUTED = frozenset({"complexity_score", "model_choice"})
"""What its routers want to know (0.61): how hard a task is, or which model it takes."""
_ACCOUNT_URL, _ACCOUNTS = "CODE_ASSIST_ENDPOINT", "https://cloudcode-pa.googleapis.com"
_CLOUD_URL = "GOOGLE_VERTEX_BASE_URL"
_OTHER_WAYS = ("GOOGLE_GENAI_USE_GCA", "GOOGLE_GENAI_USE_VERTEXAI")
"""Variables that choose another way to sign in than the key."""
_SYSTEM = (
    Path("/etc/gemini-cli/settings.json"),
    Path("/Library/Application Support/GeminiCli/settings.json"),
)
"""The administrator's settings (Linux, macOS), which win over the user's."""

_BEFORE = ("BeforeAgent", "BeforeModel")
"""A prompt, which a router's call would follow; and each call of a turn."""
_PRINTS = re.compile(r"(-p|--prompt)(=.*)?|-[A-Za-z]*p", re.DOTALL)
"""Options with which it answers and ends."""

_FOLDERS = ("tmp", "history")
"""What it makes in its folder at every start and needs again later, such as chats to resume."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = situation.env
    home = Path(env.get("GEMINI_CLI_HOME") or situation.home)
    dotenv = _dotenv(situation.cwd, home)
    settings = read_json(home / ".gemini" / "settings.json")
    merged = {**dotenv, **env}
    # An address in a file belongs to the key in the same file: a repository's must not get the user's own key.
    theirs = env.get(_URL) or (dotenv.get(_URL) if _KEY in dotenv and _KEY not in env else None)
    ways = {
        _URL: way(situation.base_url, situation.providers, "gemini", theirs=theirs),
        _ACCOUNT_URL: _way(situation, "code-assist", env.get(_ACCOUNT_URL), _ACCOUNTS),
        _CLOUD_URL: _way(situation, "vertex", env.get(_CLOUD_URL), _cloud(merged)),
    }
    selected, by_environment = _selected(settings), any(merged.get(name) == "true" for name in _OTHER_WAYS)
    if selected is None and by_environment and _URL not in env:
        # An editor that starts it would be told by this variable to sign in by a gateway.
        del ways[_URL]
    plain = Recipe(
        situation.args,
        env={**{name: one.base_url for name, one in ways.items()}, **environment.direct_loopback(env)},
        upstreams={name: url for one in ways.values() for name, url in one.upstreams.items()},
        network=environment.network(env),
    )
    if selected is not None or by_environment or _URL in env or not merged.get(_KEY):
        return plain
    files: dict[str, str] = {}
    settings = _choosing_the_key(settings)
    if situation.attended and not any(_PRINTS.fullmatch(arg) for arg in situation.args):
        files[hooks.PROMPT] = hooks.script(hooks.PROMPT)
        hook = {"type": "command", "name": "tokenguard", "command": hooks.command(situation.folder, hooks.PROMPT)}
        for event in _BEFORE:
            settings = hooks.with_hook(settings, event, hook)
    return structs.replace(
        plain,
        env={**plain.env, "GEMINI_CLI_HOME": str(situation.folder)},
        files={**files, ".gemini/settings.json": json.dumps(settings)},
        links=dict(_overlay(home)),
        folders=tuple(home / ".gemini" / name for name in _FOLDERS),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request, and one of the router model's before it."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`. Without the setting the variable makes it take another way to sign in than the key."""
    chosen = json.dumps({"security": {"auth": {"selectedType": _BY_KEY}}}, indent=2)
    return ByHand(
        env={_URL: f"{base_url}/gemini", _ACCOUNT_URL: f"{base_url}/code-assist"},
        settings=(("~/.gemini/settings.json", chosen),),
        notes=(
            "signed in with Google, leave the setting as it is",
            f"with Vertex AI: {_CLOUD_URL}={base_url}/vertex, and your region's address as providers.vertex.base_url",
        ),
    )


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


def _selected(settings: Mapping[str, Any]) -> str | None:
    """The way to sign in that settings choose."""
    layers = (*map(read_json, _SYSTEM), settings)
    return next((found for layer in layers if (found := text_at(layer, "security", "auth", "selectedType"))), None)


def _way(situation: Situation, provider: str, theirs: str | None, usual: str) -> Way:
    """The way to a service whose address depends on more than the provider."""
    given = theirs if theirs and not is_session_url(theirs) else usual
    return way(situation.base_url, situation.providers, provider, theirs=given)


def _cloud(env: Mapping[str, str]) -> str:
    """Where Vertex AI is, as the program would ask it itself."""
    location = env.get("GOOGLE_CLOUD_LOCATION", "global")
    regional = "GOOGLE_CLOUD_PROJECT" in env and "GOOGLE_API_KEY" not in env
    return vertex_url(location if regional or location in ("eu", "us") else "global")


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
