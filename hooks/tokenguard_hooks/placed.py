"""Where hooks of a repository were put: a record in the folder that the state folder has for it.

There may be several: each working tree has its own hooks where core.hooksPath is relative.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tokenguard_hooks import files
from tokenguard_hooks.repository import Repository

_RECORD = "tokenguard-installed"


def folders(here: Repository, folder: Path) -> Iterator[Path]:
    """Where hooks of a repository may be: not where others keep theirs, unless it was agreed to."""
    known = {here.own_hooks_dir, *look(folder)}
    if not here.outside:
        known.add(here.hooks_dir)
    return (one for one in sorted(known) if one.is_dir())


def look(folder: Path) -> dict[Path, bool]:
    """The folders of hooks that we use for a repository, and whether we made them."""
    parts = (files.read(folder / _RECORD) or b"").split(b"\0")
    return {Path(os.fsdecode(name)): bool(made) for name, made in zip(parts[::2], parts[1::2], strict=False) if name}


def put(folder: Path, hooks: Path, *, made: bool) -> None:
    """Record that we use a folder of hooks. What was known of it before stays. Raises `TokenguardError`."""
    known = {hooks: made} | look(folder)
    parts = [os.fsencode(name) + (b"\0made\0" if made else b"\0\0") for name, made in known.items()]
    files.put(folder / _RECORD, b"".join(parts), 0o600)


def forget(folder: Path) -> None:
    """Remove the record, and the folders that we made, if they are empty."""
    for hooks, made in look(folder).items():
        with suppress(OSError):
            if made:
                hooks.rmdir()
    with suppress(OSError):
        (folder / _RECORD).unlink()
