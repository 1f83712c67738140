"""What undoing needs, of each settings file that was written: a record in the state folder."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from tokenguard.ides import jsonc

_FOLDER = "ides"
"""Below the state folder."""

Step = str | tuple[str]
"""A name; the name of an item of a list as a tuple of one."""


class Change(Struct, frozen=True):
    """A setting that was written."""

    path: tuple[Step, ...]
    value: str
    before: str | None
    """As it was written there before; None if there was nothing."""
    made: int
    """How many of the path's last steps were not there before."""


class Kept(Struct, frozen=True):
    """What undoing needs."""

    file: str
    existed: bool
    made_folder: bool
    written: str
    """SHA-256 of the file as we left it."""
    exact: bool
    """Whether backup or steps lead to all that the file was before: nobody else has changed it between two writes."""
    changes: tuple[Change, ...]
    before: str = ""
    """SHA-256 of the file before."""
    steps: tuple[tuple[jsonc.Edit, ...], ...] = ()
    """How the file as we left it becomes that again, the last step first."""


def folder_of(state_dir: Path) -> Path:
    """Where the records are."""
    return state_dir / _FOLDER


def kept_in(state_dir: Path) -> list[Kept]:
    """What undoing needs, of every file that was written."""
    return [kept for record in sorted(folder_of(state_dir).glob("*.json")) if (kept := read(record)) is not None]


def read(record: Path) -> Kept | None:
    try:
        return msgspec.json.decode(record.read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError):
        return None


def steps_of(path: jsonc.Path) -> tuple[Step, ...]:
    return tuple((str(step),) if isinstance(step, jsonc.Item) else step for step in path)


def path_of(steps: tuple[Step, ...]) -> jsonc.Path:
    return tuple(step if isinstance(step, str) else jsonc.Item(step[0]) for step in steps)


def write_private(file: Path, data: bytes) -> None:
    new = file.with_suffix(f"{file.suffix}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
    new.replace(file)
