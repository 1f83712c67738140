"""Cline's CLI.

Its providers' settings are a file of JSON, whose place is a variable: started with a copy of the user's with other base
URLs. Left to itself it starts a hub, which outlives it and makes the calls of later runs, with the settings of the
first: so the session is kept in its own process. With a login its file gets new tokens all the time, which a copy would
lose: then it is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from tokenguard.agents import environment
from tokenguard.agents.options import take
from tokenguard.agents.settings import object_at, read_json, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways
from tokenguard.wire.shape import Refusal

NAME = "cline"
TITLE = "Cline"
COMMANDS = ("cline",)
PROGRAMS = ("/@cline/cli-", "/node_modules/cline/")
INSTALL = "install it with npm install -g cline"
LOGIN = "run cline auth, or set ANTHROPIC_API_KEY and pass --provider anthropic"
MINIMUM = ""
DIALECTS = ("anthropic-messages", "openai-responses", "openai-chat", "gemini")
HOLD_SECONDS = 240
"""It fails after 300 s without an answer."""
GUARDED = "a copy of its providers' settings, which goes away with the run"
NOT_COVERED = (
    "a Cline account and other logins",
    "providers that tokenguard does not know",
    "its hub: --zen, schedules, connectors, the dashboard",
)
LEAVES = "its hub, where --zen or a command starts it"


class Service(Struct, frozen=True):
    """A provider as Cline knows it."""

    provider: str
    path: str
    """That is expected in a base URL."""


SERVICES = {
    "anthropic": Service("anthropic", "/v1"),
    "openai-native": Service("openai", "/v1"),
    "openai-compatible": Service("openai", "/v1"),
    "gemini": Service("gemini", "/v1beta"),
    "openrouter": Service("openrouter", "/api/v1"),
    "mistral": Service("mistral", "/v1"),
    "xai": Service("xai", "/v1"),
    "groq": Service("groq", "/openai/v1"),
    "deepseek": Service("deepseek", "/v1"),
    "moonshot": Service("kimi", "/v1"),
}
_COMMANDS = frozenset(
    "auth config plugin skill connect mcp doctor history h hook schedule hub dashboard update version kanban".split()
)
"""What keeps settings, or runs outside this process."""
_IN_BACKGROUND = frozenset({"-z", "--zen"})

_PATH = "CLINE_PROVIDER_SETTINGS_PATH"
_BACKEND = "CLINE_SESSION_BACKEND_MODE"
_DISCOVERY = "CLINE_HUB_DISCOVERY_PATH"
_HUB_HOST = "CLINE_HUB_HOST"
_NOWHERE = "hub.invalid"
"""A name that is nobody's."""
_FILE = "cline-providers.json"
_WRITTEN = "2026-01-01T00:00:00.000Z"
"""When an entry of ours was made: Cline takes none without a date."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env, args = situation.env, situation.args
    plain = Recipe(args, env=environment.direct_loopback(env), network=environment.network(env))
    if args[:1] and args[0] in _COMMANDS:
        return plain
    settings = read_json(_file(situation))
    named, _ = take(args, "-P", "--provider")
    active = named[-1] if named else text_at(settings, "lastUsedProvider") or "cline"
    ways = Ways(situation.base_url, situation.providers)
    providers = dict(object_at(settings, "providers"))
    for name in sorted({active, *providers}, key=lambda one: one != active):
        base_url = _way(ways, name, text_at(providers, name, "settings", "baseUrl"))
        if base_url is not None and not is_elsewhere(settings, name):
            providers[name] = _with_address(object_at(providers, name), name, base_url)
    guarded = providers.get(active) != object_at(settings, "providers").get(active)
    notes = tuple(_notes(situation, active, guarded))
    if not guarded:
        return Recipe(args, env=plain.env, network=plain.network, notes=notes)
    return Recipe(
        args,
        env={**_without_hub(situation, plain.env), _PATH: str(situation.folder / _FILE)},
        files={_FILE: json.dumps({"version": 1, **settings, "providers": providers})},
        upstreams=ways.upstreams,
        network=plain.network,
        notes=notes,
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    urls = [f"{name}: {base_url}/{service.provider}{service.path}" for name, service in SERVICES.items()]
    return ByHand(
        env={_BACKEND: "local"},
        settings=(("~/.cline/data/settings/providers.json", "\n".join(["baseUrl in the settings of", *urls])),),
        notes=("tokenguard env --write cline does this for the providers that you have set up",),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    return Trial(
        before=("--provider", "anthropic", "--model", "claude-opus-5-5"),
        # Else it asks its maker which features are switched on.
        env={"ANTHROPIC_API_KEY": key, "CLINE_NO_AUTO_UPDATE": "1", "IS_TEST": "true"},
        files={
            ".cline/data/settings/global-settings.json": json.dumps(
                {"telemetryOptOut": True, "autoUpdateEnabled": False}
            )
        },
    )


def _without_hub(situation: Situation, env: Mapping[str, str]) -> dict[str, str]:
    """Variables that keep a session in Cline's own process.

    One suffices for a prompt on the command line. Its dialogs heed the others only: they look for a hub where none is.
    """
    direct = {name: value if value == "*" else f"{value},{_NOWHERE}" for name, value in env.items()}
    place = {_DISCOVERY: str(situation.folder / "cline-hub.json"), _HUB_HOST: _NOWHERE}
    return {**direct, **place, _BACKEND: "local"}


def settings_file(env: Mapping[str, str], home: Path, own: Path | None = None) -> Path:
    """Where the user has the settings of providers; `own` is the folder that an option names."""
    if given := env.get(_PATH):
        return Path(given)
    folder = own or Path(env.get("CLINE_DIR") or home / ".cline")
    return Path(env.get("CLINE_DATA_DIR") or folder / "data") / "settings" / "providers.json"


def is_elsewhere(settings: Mapping[str, Any], name: str) -> bool:
    """Whether a provider is used with tokens that Cline renews, and not with a key, or in a region of its own."""
    entry = object_at(settings, "providers", name, "settings")
    regional = text_at(entry, "apiLine") == "china" and text_at(entry, "baseUrl") is None
    return regional or text_at(entry, "auth", "refreshToken") is not None


def _file(situation: Situation) -> Path:
    chosen, _ = take(situation.args, "--config")
    return settings_file(situation.env, situation.home, situation.cwd / chosen[-1] if chosen else None)


def _way(ways: Ways, name: str, theirs: str | None) -> str | None:
    service = SERVICES.get(name)
    if service is not None:
        return ways.to(service.provider, service.path, theirs)
    return ways.known(theirs) if theirs else None


def _with_address(entry: Mapping[str, Any], name: str, base_url: str) -> dict[str, Any]:
    settings = {"provider": name, **object_at(entry, "settings"), "baseUrl": base_url}
    return {"updatedAt": _WRITTEN, "tokenSource": "manual", **entry, "settings": settings}


def _notes(situation: Situation, active: str, guarded: bool) -> Iterator[str]:
    if not guarded:
        yield f"Cline uses its provider {active}: its calls are not guarded"
    if not _IN_BACKGROUND.isdisjoint(situation.args):
        yield "a session of Cline's hub outlives this run and its guard: it will not work"
    if take(situation.args, "--data-dir")[0]:
        yield "Cline takes its providers from --data-dir: its calls are not guarded"
    if guarded and situation.env.get(_BACKEND) in ("hub", "remote"):
        yield f"{_BACKEND} is not used: only what Cline does itself is guarded"
