"""opencode.

`OPENCODE_CONFIG_CONTENT` is merged over the user's and the project's settings; only the administrator's win over it.
A provider that is named there counts as one that the user has set up, so only those that are get an address. The
title of a conversation is asked for beside its first turn, of a small model. It has no `.env` file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from tokenguard.agents import environment
from tokenguard.agents.options import take
from tokenguard.agents.settings import object_at, parse_json, read_json, read_text, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.side import Side, identifier
from tokenguard.agents.urls import Ways
from tokenguard.records import Facts
from tokenguard.wire.shape import Refusal

NAME = "opencode"
TITLE = "opencode"
COMMANDS = ("opencode",)
PROGRAMS = ("/opencode-ai/",)
INSTALL = "install it with npm install -g opencode-ai"
LOGIN = "run opencode auth login, or set ANTHROPIC_API_KEY, OPENAI_API_KEY or another provider's key"
MINIMUM = ""
DIALECTS = ("anthropic-messages", "openai-responses", "openai-chat", "gemini")
HOLD_SECONDS = 240
"""It sends its request again after 300 s."""
GUARDED = "OPENCODE_CONFIG_CONTENT, merged over your settings"
NOT_COVERED = (
    "providers that tokenguard does not know, opencode's own (Zen) and GitHub Copilot among them",
    "a base URL in managed settings or in those of an organisation",
)
LEAVES = ""


class _Service(Struct, frozen=True):
    """A provider as opencode knows it."""

    provider: str
    path: str
    """That is expected in a base URL."""
    keys: tuple[str, ...]
    url: str = ""
    """Variable that holds the base URL where no settings do."""


_SERVICES = {
    "anthropic": _Service("anthropic", "/v1", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"),
    "openai": _Service("openai", "/v1", ("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
    "google": _Service("gemini", "/v1beta", ("GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY")),
    "openrouter": _Service("openrouter", "/api/v1", ("OPENROUTER_API_KEY",)),
    "mistral": _Service("mistral", "/v1", ("MISTRAL_API_KEY",)),
    "xai": _Service("xai", "/v1", ("XAI_API_KEY",)),
    "groq": _Service("groq", "/openai/v1", ("GROQ_API_KEY",)),
    "deepseek": _Service("deepseek", "", ("DEEPSEEK_API_KEY",)),
    "moonshotai": _Service("kimi", "/v1", ("MOONSHOT_API_KEY",)),
}
_CHATGPT = _Service("chatgpt", "", ())
"""OpenAI with a ChatGPT login: paths without a version are left as they are, others are sent to ChatGPT directly."""

_MANAGED = (Path("/etc/opencode"), Path("/Library/Application Support/opencode"))
"""The administrator's settings (Linux, macOS)."""

_CONTENT = "OPENCODE_CONFIG_CONTENT"
_NAMES = ("opencode.json", "opencode.jsonc")
_OF_A_TITLE = 3
"""Messages of a request for a title, at most: what to do, to whom, and the first thing that was said."""
_REFERENCE = re.compile(r"\{(env|file):([^}]+)\}")


class _Layer(Struct, frozen=True):
    """Settings of one place."""

    file: Path
    settings: Mapping[str, Any]
    own: bool = True
    """Whether they are the user's and not the project's."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = situation.env
    content = parse_json(env.get(_CONTENT, "")) or {}
    auth = _logins(situation)
    theirs, notes = _addresses(situation, content)
    ways = Ways(situation.base_url, situation.providers)
    ours: dict[str, str] = {}
    variables: dict[str, str] = {}
    clashes: list[str] = []
    for name, service in _SERVICES.items():
        set_up = name in theirs or name in auth or any(env.get(key) for key in service.keys)
        if not set_up and not service.url:
            continue
        at = _CHATGPT if name == "openai" and auth.get(name) == "oauth" else service
        base_url = ways.to(at.provider, at.path, theirs.get(name) or env.get(service.url))
        if base_url is None:
            clashes.append(name)
            continue
        if service.url:
            variables[service.url] = base_url
        if set_up:
            ours[name] = base_url
    unknown: list[str] = []
    for name in dict.fromkeys(one for one in (*theirs, *auth) if one not in _SERVICES):
        url = theirs.get(name)
        base_url = ways.known(url) if url else None
        if base_url is not None:
            ours[name] = base_url
        else:
            unknown.append(name)
    return Recipe(
        args=situation.args,
        env={
            **environment.direct_loopback(env),
            **variables,
            _CONTENT: json.dumps(_with_addresses(content, ours)),
        },
        upstreams=ways.upstreams,
        network=environment.network(env),
        notes=(*notes, *_not_guarded(situation, clashes, unknown)),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request. Words of a rate limit or an outage, or 5xx in digits, make it go on."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`. The variables lose to settings, and exist for two providers only."""
    services = {name: _SERVICES[name] for name in ("anthropic", "openai", "google", "openrouter")}
    urls = {name: f"{base_url}/{service.provider}{service.path}" for name, service in services.items()}
    return ByHand(
        settings=(("~/.config/opencode/opencode.json", json.dumps(_with_addresses({}, urls), indent=2)),),
        notes=(f"leave out what you have no key for; with a ChatGPT login, openai gets {base_url}/chatgpt",),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`. What is already there of its plug-ins' library is not fetched."""
    settings = {"model": "anthropic/claude-opus-5-5", "autoupdate": False, "share": "disabled"}
    plugin = {"dependencies": {"@opencode-ai/plugin": "1"}}
    return Trial(
        before=("run",),
        env={"ANTHROPIC_API_KEY": key, "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
        files={
            ".config/opencode/opencode.json": json.dumps(settings),
            ".config/opencode/package.json": json.dumps(plugin),
            ".config/opencode/package-lock.json": json.dumps({"packages": {"": plugin}}),
            ".config/opencode/node_modules/.none": "",
        },
    )


def side(headers: Mapping[str, str], facts: Facts) -> Side:
    """See `SideOf`. A turn has tools; what has none is the title, asked of the first message, or a compaction."""
    session = identifier(headers.get("x-session-affinity") or headers.get("x-opencode-session"))
    parent = identifier(headers.get("x-parent-session-id"))
    if parent is not None:
        return Side("sub-agent", parent, session)
    if facts.has_tools or not facts.prompt.messages:
        return Side("main", session)
    # Not every dialect has system prompts and a message in two parts in one.
    return Side("title" if facts.prompt.messages <= _OF_A_TITLE else "compaction", session)


def _logins(situation: Situation) -> dict[str, str]:
    """Provider -> kind of login (`api`, `oauth`)."""
    data = Path(situation.env.get("XDG_DATA_HOME") or situation.home / ".local" / "share")
    stored = read_json(data / "opencode" / "auth.json")
    logins = parse_json(situation.env.get("OPENCODE_AUTH_CONTENT", "")) or stored
    kinds = {name: text_at(logins, name, "type") for name in logins}
    return {name: kind for name, kind in kinds.items() if kind in ("api", "oauth")}


def _addresses(situation: Situation, content: Mapping[str, Any]) -> tuple[dict[str, str | None], list[str]]:
    """(provider that settings name -> its base URL or None, what to say of those that are left out).

    A base URL in a file of the project's counts only where the file has the key too: it must not get the user's own.
    """
    found: dict[str, str | None] = {}
    notes: list[str] = []
    for layer in (*_layers(situation), _Layer(situation.cwd / _CONTENT, content)):
        for name in object_at(layer.settings, "provider"):
            url = _filled(_url(layer.settings, name), situation, layer.file.parent)
            key = text_at(layer.settings, "provider", name, "options", "apiKey")
            if url and not layer.own and (key is None or "{" in key) and found.get(name) != url:
                notes.append(f"baseURL of {name} in {layer.file} is not used: the key that goes there is not in it")
                url = None
            found[name] = url or found.get(name)
    for folder in _MANAGED:
        for layer in _files(folder):
            names = [name for name in object_at(layer.settings, "provider") if _url(layer.settings, name)]
            notes += [f"{layer.file} sets baseURL of {name}: its calls are not guarded" for name in names]
    return found, notes


def _layers(situation: Situation) -> Iterator[_Layer]:
    """Settings in the order in which opencode reads them, the weakest first."""
    env, home, cwd = situation.env, situation.home, situation.cwd
    top = next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)
    within = [folder for folder in reversed((cwd, *cwd.parents)) if folder.is_relative_to(top)]
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "opencode"
    yield from _files(config, ("config.json", *_NAMES))
    if file := env.get("OPENCODE_CONFIG"):
        yield from _files(cwd, (file,))
    if env.get("OPENCODE_DISABLE_PROJECT_CONFIG", "").lower() not in ("1", "true"):
        for folder in (*within, *(folder / ".opencode" for folder in within)):
            yield from _files(folder, own=False)
    yield from _files(home / ".opencode")
    if chosen := env.get("OPENCODE_CONFIG_DIR"):
        yield from _files(cwd / chosen)


def _files(folder: Path, names: tuple[str, ...] = _NAMES, *, own: bool = True) -> Iterator[_Layer]:
    for name in names:
        yield _Layer(folder / name, read_json(folder / name), own)


def _url(settings: Mapping[str, Any], provider: str) -> str | None:
    return text_at(settings, "provider", provider, "options", "baseURL") or text_at(
        settings, "provider", provider, "api"
    )


def _filled(text: str | None, situation: Situation, folder: Path) -> str | None:
    """A setting with its `{env:NAME}` and `{file:PATH}` replaced, as opencode does it."""

    def value(found: re.Match[str]) -> str:
        if found[1] == "env":
            return situation.env.get(found[2], "")
        at_home = found[2].startswith("~/")
        return read_text(situation.home / found[2][2:] if at_home else folder / found[2]).strip()

    return _REFERENCE.sub(value, text) if text else None


def _with_addresses(settings: Mapping[str, Any], urls: Mapping[str, str]) -> dict[str, Any]:
    """Settings with base URLs of providers put into them."""
    providers = object_at(settings, "provider")
    ours = {
        name: {**object_at(providers, name), "options": {**object_at(providers, name, "options"), "baseURL": url}}
        for name, url in urls.items()
    }
    return {**settings, "provider": {**providers, **ours}}


def _not_guarded(situation: Situation, clashes: list[str], unknown: list[str]) -> Iterator[str]:
    if situation.args[:1] == ("attach",) or take(situation.args, "--attach")[0]:
        yield "opencode asks a server that runs already: its calls are not guarded"
    if clashes:
        names = ", ".join(clashes)
        yield f"opencode's {names} has another address than others that lead to the same provider: it is not guarded"
    if unknown:
        names = ", ".join(sorted(unknown))
        yield f"calls to opencode's {names} are not guarded: tokenguard does not know where they go"
