"""What Qwen Code's settings say: those of the administrator, the project and the user, and files of variables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from tokenguard.agents.settings import object_at, objects_at, read_dotenv, read_json, strings_at, text_at
from tokenguard.agents.shape import Situation


class Protocol(Struct, frozen=True):
    """A way in which it talks to models."""

    provider: str
    path: str
    """That is expected in a base URL."""
    url: str
    key: str
    """The variables for base URL and key."""


OPENAI = Protocol("openai", "/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY")
PROTOCOLS = {
    "openai": OPENAI,
    "openai-responses": OPENAI,
    "anthropic": Protocol("anthropic", "", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
    "gemini": Protocol("gemini", "", "GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"),
}

_SYSTEM = (
    Path("/etc/qwen-code/settings.json"),
    Path("/Library/Application Support/QwenCode/settings.json"),
)
"""The administrator's settings (Linux, macOS), which win over all others."""

SYSTEM_PATH = "QWEN_CODE_SYSTEM_SETTINGS_PATH"
DEFAULTS_PATH = "QWEN_CODE_SYSTEM_DEFAULTS_PATH"
"""Variables that name other files than these, and than the defaults beside them."""


class Layer(Struct, frozen=True):
    """Settings of one place."""

    place: str
    settings: Mapping[str, Any]
    own: bool = True
    """Whether they are the user's and not the project's."""


class Model(Struct, frozen=True):
    """A model of `modelProviders` with a base URL of its own."""

    entry: dict[str, Any]
    protocol: Protocol | None
    url: str
    own: bool
    """Whether the user has written it, or it brings its key: else it must not get the user's."""


def files_of(env: Mapping[str, str]) -> tuple[Path, Path]:
    """(the administrator's settings, the defaults that all others win over)."""
    system = Path(env.get(SYSTEM_PATH) or next((file for file in _SYSTEM if file.exists()), _SYSTEM[0]))
    return system, Path(env.get(DEFAULTS_PATH) or system.with_name("system-defaults.json"))


def layers_of(situation: Situation, system: Path, defaults: Path) -> list[Layer]:
    """The settings that apply, the strongest first."""
    project = situation.cwd / ".qwen" / "settings.json"
    files = (system, project, _folder(situation) / "settings.json", defaults)
    return [Layer(str(file), read_json(file), file is not project) for file in files]


def _folder(situation: Situation) -> Path:
    return Path(situation.env.get("QWEN_HOME") or situation.home / ".qwen")


def first(layers: list[Layer], *path: str) -> str | None:
    """A text at that path in the strongest settings that have one."""
    return next((found for layer in layers if (found := text_at(layer.settings, *path))), None)


def models_of(layers: list[Layer]) -> tuple[dict[str, Any], list[Model]]:
    """(a copy of `modelProviders`, the models in it that have a base URL); the strongest settings have all of it."""
    layer = next((layer for layer in layers if "modelProviders" in layer.settings), None)
    if layer is None:
        return {}, []
    providers: dict[str, Any] = json.loads(json.dumps(object_at(layer.settings, "modelProviders")))
    aliases = next(filter(None, (strings_at(one.settings, "providerProtocol") for one in layers)), dict[str, str]())
    models: list[Model] = []
    for name in providers:
        protocol = PROTOCOLS.get(aliases.get(name, name))
        for entry in objects_at(providers, name):
            if url := text_at(entry, "baseUrl"):
                keyed = str(entry.get("envKey")) in object_at(layer.settings, "env")
                models.append(Model(entry, protocol, url, layer.own or keyed))
    return providers, models


def addresses_of(situation: Situation, layers: list[Layer], kind: str) -> tuple[dict[str, str], list[str]]:
    """(variable -> base URL that the user's settings name, what to say of those that are left out).

    A base URL in a file of the project's counts only where the file has the key too: it must not get the user's own.
    """
    found: dict[str, str] = {}
    notes: list[str] = []
    for layer in _environment(situation, layers):
        for protocol in PROTOCOLS.values():
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
        if kind in PROTOCOLS and "baseUrl" in auth and (layer.own or "apiKey" in auth):
            found.setdefault(PROTOCOLS[kind].url, auth["baseUrl"])
    return found, list(dict.fromkeys(notes))


def _environment(situation: Situation, layers: list[Layer]) -> Iterator[Layer]:
    """Places that set variables, the strongest first: the process, `.env` files, settings."""
    yield Layer("the environment", situation.env)
    if file := _project_dotenv(situation):
        yield Layer(str(file), read_dotenv(file), own=False)
    home = situation.home
    for file in (_folder(situation) / ".env", home / ".qwen" / ".env", home / ".env"):
        yield Layer(str(file), read_dotenv(file))
    for layer in layers:
        yield Layer(layer.place, strings_at(layer.settings, "env"), layer.own)


def _project_dotenv(situation: Situation) -> Path | None:
    """The nearest `.env` file above the folder, below the home."""
    for folder in (situation.cwd, *situation.cwd.parents):
        if folder == situation.home:
            break
        for file in (folder / ".qwen" / ".env", folder / ".env"):
            if file.is_file():
                return file
    return None
