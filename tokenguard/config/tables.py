"""TOML files into typed values, with errors that name the file, the key and what is accepted."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tokenguard.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def read_toml(file: Path) -> dict[str, Any]:
    """The file's tables; empty if there is no such file. Raises `ConfigError` naming the line."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", "check its permissions and that it is UTF-8") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file.name}: {error}", f"correct {file}") from error


def convert(table: object, kind: type[T], where: str) -> T:
    """`table` as a `kind`, whose fields are the keys that are accepted.

    `where` is what an error begins with, such as `config.toml: budget "day"`. Raises `ConfigError`.
    """
    try:
        return msgspec.convert(table, kind, strict=True)
    except msgspec.ValidationError as error:
        message = str(error)
        at = _AT.search(message)
        path = at["path"] if at else ""
        unknown = _UNKNOWN.match(message)
        if unknown:
            key = f"{path}.{unknown['field']}" if path else unknown["field"]
            accepted = ", ".join(field.name for field in msgspec.structs.fields(_struct_at(kind, path)))
            raise ConfigError(f'{where}: unknown key "{key}"', f"accepted are {accepted}") from error
        detail = _AT.sub("", message)
        raise ConfigError(
            f"{where}: {path + ': ' if path else ''}{detail[:1].lower()}{detail[1:]}", "correct it"
        ) from error


def _struct_at(kind: type[msgspec.Struct], path: str) -> type[msgspec.Struct]:
    """The struct that stands at a dotted path below `kind`."""
    for name in filter(None, path.split(".")):
        declared = {field.name: field.type for field in msgspec.structs.fields(kind)}.get(name)
        if isinstance(declared, type) and issubclass(declared, msgspec.Struct):
            kind = declared
    return kind
