"""TOML files into typed values, with errors that name the file, the key and what is accepted."""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tokenguard.errors import ConfigError
from tokenguard.policy.naming import printable

T = TypeVar("T", bound=msgspec.Struct)

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


_MOST_BYTES = 1 << 20
_MOST_FOREIGN_BYTES = 1 << 16
_MOST_DOTS = 100
"""In a line of a foreign file: the time that a dotted key takes to parse grows with the square of them."""

_SHOWN = 80


def read_toml(file: Path, *, foreign: bool = False) -> dict[str, Any]:
    """The file's tables; empty if there is no such file. Raises `ConfigError` naming the line.

    A `foreign` file came with somebody's repository: no symbolic link is followed, and it has to be small. Of whatever
    lies there, only a file proper is read, so that a pipe or a device blocks nobody.
    """
    try:
        text = _read(file, foreign).decode("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", "check its permissions and that it is UTF-8") from error
    try:
        if foreign and any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
            raise ValueError(f"a line has more than {_MOST_DOTS} dots")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file.name}: {shown(error, 300)}", f"correct {file}") from error
    except (ValueError, RecursionError) as error:
        # Limits of the parser: numbers of thousands of digits, tables within tables by the hundred.
        raise ConfigError(f"{file.name}: {shown(error, 300)}", f"make {file} simpler") from error


def _read(file: Path, foreign: bool) -> bytes:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | (os.O_NOFOLLOW if foreign else 0)
    most = _MOST_FOREIGN_BYTES if foreign else _MOST_BYTES
    try:
        descriptor = os.open(file, flags)
    except OSError as error:
        if foreign and error.errno == errno.ELOOP:
            raise ConfigError(f"{file} is a symbolic link", "put the file itself in its place") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError(f"{file} is not a file", "remove it, or put a TOML file in its place")
        with open(descriptor, "rb", closefd=False) as stream:
            data = stream.read(most + 1)
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise ConfigError(f"{file} is larger than {most >> 10} KiB", "no settings need as much; see what is in it")
    return data


def shown(value: object, most: int = _SHOWN) -> str:
    """What a file says, fit to stand in an error: on one line, no longer than that, nothing that a terminal obeys."""
    if isinstance(value, int) and value.bit_length() > most * 3:
        return "a very large number"
    return printable(str(value), most)


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
            raise ConfigError(f'{where}: unknown key "{shown(key)}"', f"accepted are {accepted}") from error
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
