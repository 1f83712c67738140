"""What the settings and logins of opencode, and of what was made from it, say of providers' addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from tokenguard.agents.settings import object_at, parse_json, read_json, read_text, text_at
from tokenguard.agents.shape import Situation


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


_LEGACY = "config.json"
"""Read in the user's own folder only, before all others."""
_REFERENCE = re.compile(r"\{(env|file):([^}]+)\}")


class _Layer(Struct, frozen=True):
    """Settings of one place."""

    file: Path
    settings: Mapping[str, Any]
    own: bool = True
    """Whether they are the user's and not the project's."""


def logins(kin: Kin, env: Mapping[str, str], home: Path) -> dict[str, str]:
    """Provider -> kind of login (`api`, `oauth`); keys and tokens are not looked at."""
    data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share")
    stored = read_json(data / kin.folder / "auth.json")
    found = parse_json(env.get(f"{kin.prefix}_AUTH_CONTENT", "")) or stored
    kinds = {name: text_at(found, name, "type") for name in found}
    return {name: kind for name, kind in kinds.items() if kind in ("api", "oauth")}


def addresses_of(
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
