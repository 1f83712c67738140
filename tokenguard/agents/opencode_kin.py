"""opencode and what was made from it: base URLs that are merged over the user's settings by a variable.

A provider that is named there counts as one that the user has set up, so only those that are get an address. Only the
administrator's settings win over the variable.
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
from tokenguard.agents.shape import ByHand, Recipe, Situation
from tokenguard.agents.urls import Ways


class Kin(Struct, frozen=True):
    """What they differ in."""

    title: str
    prefix: str
    """Of its variables."""
    folder: str
    """Of its settings and of its logins, below those of all programs."""
    names: tuple[str, ...]
    """Of its files of settings, the weakest first."""
    dotted: tuple[str, ...]
    """Folders in the user's home and in those of a project that hold such files, too; the weakest first."""
    managed: tuple[Path, ...]
    """The administrator's settings (Linux, macOS)."""
    env: Mapping[str, str] = {}
    """Variables besides."""


class Service(Struct, frozen=True):
    """A provider as these agents know it."""

    provider: str
    path: str
    """That is expected in a base URL."""
    keys: tuple[str, ...]
    url: str = ""
    """Variable that holds the base URL where no settings do."""


SERVICES = {
    "anthropic": Service("anthropic", "/v1", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"),
    "openai": Service("openai", "/v1", ("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
    "google": Service("gemini", "/v1beta", ("GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY")),
    "openrouter": Service("openrouter", "/api/v1", ("OPENROUTER_API_KEY",)),
    "mistral": Service("mistral", "/v1", ("MISTRAL_API_KEY",)),
    "xai": Service("xai", "/v1", ("XAI_API_KEY",)),
    "groq": Service("groq", "/openai/v1", ("GROQ_API_KEY",)),
    "deepseek": Service("deepseek", "", ("DEEPSEEK_API_KEY",)),
    "moonshotai": Service("kimi", "/v1", ("MOONSHOT_API_KEY",)),
}
CHATGPT = Service("chatgpt", "", ())
"""OpenAI with a ChatGPT login: paths without a version are left as they are, others are sent to ChatGPT directly."""

_LEGACY = "config.json"
"""Read in the user's own folder only, before all others."""
_REFERENCE = re.compile(r"\{(env|file):([^}]+)\}")


class _Layer(Struct, frozen=True):
    """Settings of one place."""

    file: Path
    settings: Mapping[str, Any]
    own: bool = True
    """Whether they are the user's and not the project's."""


def recipe(kin: Kin, situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = situation.env
    variable = f"{kin.prefix}_CONFIG_CONTENT"
    content = parse_json(env.get(variable, "")) or {}
    auth = logins(kin, env, situation.home)
    theirs, notes = _addresses(kin, situation, variable, content)
    ways = Ways(situation.base_url, situation.providers)
    ours: dict[str, str] = {}
    variables: dict[str, str] = {}
    clashes: list[str] = []
    for name, service in SERVICES.items():
        set_up = name in theirs or name in auth or any(env.get(key) for key in service.keys)
        if not set_up and not service.url:
            continue
        at = service_of(name, auth)
        base_url = ways.to(at.provider, at.path, theirs.get(name) or env.get(service.url))
        if base_url is None:
            clashes.append(name)
            continue
        if service.url:
            variables[service.url] = base_url
        if set_up:
            ours[name] = base_url
    unknown: list[str] = []
    for name in dict.fromkeys(one for one in (*theirs, *auth) if one not in SERVICES):
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
            **kin.env,
            variable: json.dumps(with_addresses(content, ours)),
        },
        upstreams=ways.upstreams,
        network=environment.network(env),
        notes=(*notes, *_not_guarded(kin, situation, clashes, unknown)),
    )


def by_hand(base_url: str, file: str, *notes: str) -> ByHand:
    """See `Agent.by_hand`: settings for a file, in which the user leaves what is needed."""
    services = {name: SERVICES[name] for name in ("anthropic", "openai", "google", "openrouter")}
    urls = {name: f"{base_url}/{service.provider}{service.path}" for name, service in services.items()}
    return ByHand(
        settings=((file, json.dumps(with_addresses({}, urls), indent=2)),),
        notes=(f"leave out what you have no key for; with a ChatGPT login, openai gets {base_url}/chatgpt", *notes),
    )


def logins(kin: Kin, env: Mapping[str, str], home: Path) -> dict[str, str]:
    """Provider -> kind of login (`api`, `oauth`); keys and tokens are not looked at."""
    data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share")
    stored = read_json(data / kin.folder / "auth.json")
    found = parse_json(env.get(f"{kin.prefix}_AUTH_CONTENT", "")) or stored
    kinds = {name: text_at(found, name, "type") for name in found}
    return {name: kind for name, kind in kinds.items() if kind in ("api", "oauth")}


def service_of(name: str, logins: Mapping[str, str]) -> Service:
    """Where the calls of a provider of `SERVICES` go, with these logins."""
    return CHATGPT if name == "openai" and logins.get(name) == "oauth" else SERVICES[name]


def with_addresses(settings: Mapping[str, Any], urls: Mapping[str, str]) -> dict[str, Any]:
    """Settings with base URLs of providers put into them."""
    providers = object_at(settings, "provider")
    ours = {
        name: {**object_at(providers, name), "options": {**object_at(providers, name, "options"), "baseURL": url}}
        for name, url in urls.items()
    }
    return {**settings, "provider": {**providers, **ours}}


def _addresses(
    kin: Kin, situation: Situation, variable: str, content: Mapping[str, Any]
) -> tuple[dict[str, str | None], list[str]]:
    """(provider that settings name -> its base URL or None, what to say of those that are left out).

    A base URL in a file of the project's counts only where the file has the key too: it must not get the user's own.
    """
    found: dict[str, str | None] = {}
    notes: list[str] = []
    for layer in (*_layers(kin, situation), _Layer(situation.cwd / variable, content)):
        for name in object_at(layer.settings, "provider"):
            url = _filled(_url(layer.settings, name), situation, layer.file.parent)
            key = text_at(layer.settings, "provider", name, "options", "apiKey")
            if url and not layer.own and (key is None or "{" in key) and found.get(name) != url:
                notes.append(f"baseURL of {name} in {layer.file} is not used: the key that goes there is not in it")
                url = None
            found[name] = url or found.get(name)
    for folder in kin.managed:
        for layer in _files(folder, kin.names):
            names = [name for name in object_at(layer.settings, "provider") if _url(layer.settings, name)]
            notes += [f"{layer.file} sets baseURL of {name}: its calls are not guarded" for name in names]
    return found, notes


def _layers(kin: Kin, situation: Situation) -> Iterator[_Layer]:
    """Settings in the order in which they are read, the weakest first."""
    env, home, cwd = situation.env, situation.home, situation.cwd
    top = next((folder for folder in (cwd, *cwd.parents) if (folder / ".git").exists()), cwd)
    within = [folder for folder in reversed((cwd, *cwd.parents)) if folder.is_relative_to(top)]
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / kin.folder
    yield from _files(config, (_LEGACY, *kin.names))
    if file := env.get(f"{kin.prefix}_CONFIG"):
        yield from _files(cwd, (file,))
    if env.get(f"{kin.prefix}_DISABLE_PROJECT_CONFIG", "").lower() not in ("1", "true"):
        for folder in (*within, *(folder / name for folder in within for name in kin.dotted)):
            yield from _files(folder, kin.names, own=False)
    for name in kin.dotted:
        yield from _files(home / name, kin.names)
    if chosen := env.get(f"{kin.prefix}_CONFIG_DIR"):
        yield from _files(cwd / chosen, kin.names)


def _files(folder: Path, names: tuple[str, ...], *, own: bool = True) -> Iterator[_Layer]:
    for name in names:
        yield _Layer(folder / name, read_json(folder / name), own)


def _url(settings: Mapping[str, Any], provider: str) -> str | None:
    return text_at(settings, "provider", provider, "options", "baseURL") or text_at(
        settings, "provider", provider, "api"
    )


def _filled(text: str | None, situation: Situation, folder: Path) -> str | None:
    """A setting with its `{env:NAME}` and `{file:PATH}` replaced."""

    def value(found: re.Match[str]) -> str:
        if found[1] == "env":
            return situation.env.get(found[2], "")
        at_home = found[2].startswith("~/")
        return read_text(situation.home / found[2][2:] if at_home else folder / found[2]).strip()

    return _REFERENCE.sub(value, text) if text else None


def _not_guarded(kin: Kin, situation: Situation, clashes: list[str], unknown: list[str]) -> Iterator[str]:
    title = kin.title
    if situation.args[:1] == ("attach",) or take(situation.args, "--attach")[0]:
        yield f"{title} asks a server that runs already: its calls are not guarded"
    if clashes:
        names = ", ".join(clashes)
        yield f"{title}'s {names} has another address than others that lead to the same provider: it is not guarded"
    if unknown:
        names = ", ".join(sorted(unknown))
        yield f"calls to {title}'s {names} are not guarded: tokenguard does not know where they go"
