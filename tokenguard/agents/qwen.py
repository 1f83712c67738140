"""Qwen Code.

Variables name base URLs, but those of `modelProviders` in its settings win over them: then it gets system settings of
ours, which begin as the administrator's own, with rewritten providers. After a prompt that needed no tool it makes a
second full call, to remember what was said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from tokenguard.agents import environment
from tokenguard.agents.options import take
from tokenguard.agents.settings import object_at, objects_at, read_dotenv, read_json, strings_at, text_at
from tokenguard.agents.shape import ByHand, Recipe, Situation, Trial
from tokenguard.agents.urls import Ways, is_session_url
from tokenguard.wire.shape import Refusal

NAME = "qwen"
TITLE = "Qwen Code"
COMMANDS = ("qwen",)
PROGRAMS = ("@qwen-code/qwen-code/",)
INSTALL = "install it with npm install -g @qwen-code/qwen-code"
LOGIN = "start qwen and type /auth, or set OPENAI_API_KEY and OPENAI_MODEL"
MINIMUM = ""
DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
HOLD_SECONDS = 100
"""It sends its request again after 120 s."""
GUARDED = "base-URL variables; system settings of the run where your settings name providers"
NOT_COVERED = ("Vertex AI", "a Qwen account", "its sandbox in a container", "providers that are set up while it runs")
LEAVES = ""


class _Protocol(Struct, frozen=True):
    """A way in which it talks to models."""

    provider: str
    path: str
    """That is expected in a base URL."""
    url: str
    key: str
    """The variables for base URL and key."""


_OPENAI = _Protocol("openai", "/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY")
_PROTOCOLS = {
    "openai": _OPENAI,
    "openai-responses": _OPENAI,
    "anthropic": _Protocol("anthropic", "", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
    "gemini": _Protocol("gemini", "", "GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"),
}
_ELSEWHERE = {"vertex-ai": "Google Vertex AI", "qwen-oauth": "a Qwen account"}

_SYSTEM = (
    Path("/etc/qwen-code/settings.json"),
    Path("/Library/Application Support/QwenCode/settings.json"),
)
"""The administrator's settings (Linux, macOS), which win over all others."""

_SYSTEM_PATH = "QWEN_CODE_SYSTEM_SETTINGS_PATH"
_DEFAULTS_PATH = "QWEN_CODE_SYSTEM_DEFAULTS_PATH"
_FILE = "qwen-settings.json"


class _Layer(Struct, frozen=True):
    """Settings of one place."""

    place: str
    settings: Mapping[str, Any]
    own: bool = True
    """Whether they are the user's and not the project's."""


class _Model(Struct, frozen=True):
    """A model of `modelProviders` with a base URL of its own."""

    entry: dict[str, Any]
    protocol: _Protocol | None
    url: str
    own: bool
    """Whether the user has written it, or it brings its key: else it must not get the user's."""


def recipe(situation: Situation) -> Recipe:
    """See `Agent.recipe`."""
    env = situation.env
    system = Path(env.get(_SYSTEM_PATH) or next((file for file in _SYSTEM if file.exists()), _SYSTEM[0]))
    defaults = Path(env.get(_DEFAULTS_PATH) or system.with_name("system-defaults.json"))
    layers = _layers(situation, system, defaults)
    flags, args = take(situation.args, "--openai-base-url")
    kinds, _ = take(args, "--auth-type")
    names, _ = take(args, "-m", "--model")
    kind = kinds[-1] if kinds else _first(layers, "security", "auth", "selectedType") or "openai"
    name = names[-1] if names else _first(layers, "model", "name")
    ways = Ways(situation.base_url, situation.providers)
    providers, models = _models(layers)
    moved: dict[str, str] = {}
    notes: list[str] = []
    for model in sorted(models, key=lambda one: one.entry.get("id") != name):
        base_url = _way(ways, model, notes)
        if base_url is not None:
            moved.setdefault(model.url, base_url)
            model.entry["baseUrl"] = base_url
    theirs, said = _addresses(situation, layers, kind)
    if flags:
        theirs[_OPENAI.url] = flags[-1]
    variables: dict[str, str] = {}
    for protocol in dict.fromkeys(_PROTOCOLS.values()):
        url = theirs.get(protocol.url)
        base_url = (ways.known(url) if url else None) or ways.to(protocol.provider, protocol.path, url)
        if base_url is None:
            notes.append(f"{protocol.url} names another address than modelProviders: its calls are not guarded")
        else:
            variables[protocol.url] = base_url
    if kind in _ELSEWHERE:
        notes.append(f"Qwen Code signs in with {_ELSEWHERE[kind]}: its calls are not guarded")
    ours = _overriding(layers, kind, variables, moved, models, name)
    if moved:
        ours["modelProviders"] = providers
    files: dict[str, str] = {}
    if ours:
        files[_FILE] = json.dumps({**read_json(system), **ours})
        variables |= {_SYSTEM_PATH: str(situation.folder / _FILE), _DEFAULTS_PATH: str(defaults)}
    return Recipe(
        args=args,
        env={**environment.direct_loopback(env), **variables},
        files=files,
        upstreams=ways.upstreams,
        network=environment.network(env),
        notes=(*said, *notes),
    )


def refuse(dialect: str, text: str) -> Refusal | None:
    """The dialect's own 400: one request."""
    return None


def by_hand(base_url: str) -> ByHand:
    """See `Agent.by_hand`."""
    urls = {protocol.url: f"{base_url}/{protocol.provider}{protocol.path}" for protocol in _PROTOCOLS.values()}
    return ByHand(
        env=urls,
        settings=(("~/.qwen/settings.json", json.dumps({"env": urls}, indent=2)),),
        notes=("a baseUrl in modelProviders of ~/.qwen/settings.json wins: put the address there, too",),
    )


def trial(key: str, project: Path) -> Trial:
    """See `Agent.trial`."""
    settings = {
        "general": {"enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        "security": {"auth": {"selectedType": "openai"}},
        "telemetry": {"enabled": False},
    }
    return Trial(
        env={"OPENAI_API_KEY": key, "OPENAI_MODEL": "gpt-6.1-sol"},
        files={".qwen/settings.json": json.dumps(settings)},
    )


def _layers(situation: Situation, system: Path, defaults: Path) -> list[_Layer]:
    """The settings that apply, the strongest first."""
    project = situation.cwd / ".qwen" / "settings.json"
    files = (system, project, _folder(situation) / "settings.json", defaults)
    return [_Layer(str(file), read_json(file), file is not project) for file in files]


def _folder(situation: Situation) -> Path:
    return Path(situation.env.get("QWEN_HOME") or situation.home / ".qwen")


def _first(layers: list[_Layer], *path: str) -> str | None:
    return next((found for layer in layers if (found := text_at(layer.settings, *path))), None)


def _models(layers: list[_Layer]) -> tuple[dict[str, Any], list[_Model]]:
    """(a copy of `modelProviders`, the models in it that have a base URL); the strongest settings have all of it."""
    layer = next((layer for layer in layers if "modelProviders" in layer.settings), None)
    if layer is None:
        return {}, []
    providers: dict[str, Any] = json.loads(json.dumps(object_at(layer.settings, "modelProviders")))
    aliases = next(filter(None, (strings_at(one.settings, "providerProtocol") for one in layers)), dict[str, str]())
    models: list[_Model] = []
    for name in providers:
        protocol = _PROTOCOLS.get(aliases.get(name, name))
        for entry in objects_at(providers, name):
            if url := text_at(entry, "baseUrl"):
                keyed = str(entry.get("envKey")) in object_at(layer.settings, "env")
                models.append(_Model(entry, protocol, url, layer.own or keyed))
    return providers, models


def _way(ways: Ways, model: _Model, notes: list[str]) -> str | None:
    """The base URL that a model gets in place of its own; None to leave it."""
    base_url = ways.known(model.url)
    if base_url is None and model.protocol is not None:
        if not model.own:
            notes.append(f"baseUrl {model.url} of this project is not used: the key that goes there is not with it")
        base_url = ways.to(model.protocol.provider, model.protocol.path, model.url if model.own else None)
    if base_url is None:
        notes.append(f"calls of {model.entry.get('id')} to {model.url} are not guarded")
    return base_url


def _addresses(situation: Situation, layers: list[_Layer], kind: str) -> tuple[dict[str, str], list[str]]:
    """(variable -> base URL that the user's settings name, what to say of those that are left out).

    A base URL in a file of the project's counts only where the file has the key too: it must not get the user's own.
    """
    found: dict[str, str] = {}
    notes: list[str] = []
    for layer in _environment(situation, layers):
        for protocol in _PROTOCOLS.values():
            url = layer.settings.get(protocol.url)
            if not url or protocol.url in found:
                continue
            if layer.own or protocol.key in layer.settings:
                found[protocol.url] = url
            else:
                notes.append(
                    f"{protocol.url} of {layer.place} is not used: the key that goes there is not in that file"
                )
    for layer in layers:
        auth = strings_at(layer.settings, "security", "auth")
        if kind in _PROTOCOLS and "baseUrl" in auth and (layer.own or "apiKey" in auth):
            found.setdefault(_PROTOCOLS[kind].url, auth["baseUrl"])
    return found, list(dict.fromkeys(notes))


def _environment(situation: Situation, layers: list[_Layer]) -> Iterator[_Layer]:
    """Places that set variables, the strongest first: the process, `.env` files, settings."""
    yield _Layer("the environment", situation.env)
    if file := _project_dotenv(situation):
        yield _Layer(str(file), read_dotenv(file), own=False)
    home = situation.home
    for file in (_folder(situation) / ".env", home / ".qwen" / ".env", home / ".env"):
        yield _Layer(str(file), read_dotenv(file))
    for layer in layers:
        yield _Layer(layer.place, strings_at(layer.settings, "env"), layer.own)


def _project_dotenv(situation: Situation) -> Path | None:
    """The nearest `.env` file above the folder, below the home."""
    for folder in (situation.cwd, *situation.cwd.parents):
        if folder == situation.home:
            break
        for file in (folder / ".qwen" / ".env", folder / ".env"):
            if file.is_file():
                return file
    return None


def _overriding(
    layers: list[_Layer],
    kind: str,
    variables: Mapping[str, str],
    moved: Mapping[str, str],
    models: list[_Model],
    name: str | None,
) -> dict[str, Any]:
    """Settings that no variable wins over: the address of Gemini, and that by which the chosen model is found."""
    system = layers[0].settings
    ours: dict[str, Any] = {}
    if kind == "gemini" and _first(layers, "security", "auth", "baseUrl"):
        auth = {**object_at(system, "security", "auth"), "baseUrl": variables.get(_PROTOCOLS[kind].url)}
        ours["security"] = {**object_at(system, "security"), "auth": auth}
    if chosen := _first(layers, "model", "baseUrl"):
        # One of an earlier run, which a person chose a model in, leads nowhere any more.
        same = next((one.entry["baseUrl"] for one in models if one.entry.get("id") == name), chosen)
        url = moved.get(chosen) or (same if is_session_url(chosen) else chosen)
        if url != chosen:
            ours["model"] = {**object_at(system, "model"), "baseUrl": url}
    return ours
