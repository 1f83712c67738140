"""The private folder of a run: what an agent is given as files, away from the user's own."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tokenguard.agents import Recipe
from tokenguard.config.paths import make_private
from tokenguard.errors import ConfigError

RUNS = "runs"
"""Folder of the private folders, in the state folder."""

_PID = "agent.pid"
_BEING_MADE = 60.0
"""Seconds for which a folder without a process may be one that is just being made."""


@contextmanager
def private_folder(state_dir: Path) -> Generator[Path]:
    """A folder that only its owner may enter, gone at the end. Not below /tmp: that is cleaned while agents run.

    Raises `ConfigError` if it cannot be made. Folders that runs left behind because they were killed go first.
    """
    runs = state_dir / RUNS
    make_private(runs)
    for left in runs.iterdir():
        if not _in_use(left):
            _remove(left)
    folder = runs / f"{os.getpid()}-{os.urandom(4).hex()}"
    make_private(folder)
    try:
        yield folder
    finally:
        _remove(folder)


def mark(folder: Path, pid: int) -> None:
    """Note whose folder it is: others leave it alone while that process lives."""
    (folder / _PID).write_text(str(pid))


def fill(folder: Path, recipe: Recipe) -> None:
    """Write what an agent's recipe asks for. Raises `ConfigError` if that cannot be."""
    try:
        for name, text in recipe.files.items():
            with open(_made(folder / name), "x", encoding="utf-8", opener=_private) as file:
                file.write(text)
        for own in recipe.folders:
            own.mkdir(parents=True, exist_ok=True)
        for name, target in recipe.links.items():
            _made(folder / name).symlink_to(target)
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be written: {error.strerror}", "make room there, or make it writable"
        ) from error


def _made(file: Path) -> Path:
    """A file whose folder is there."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return file


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _in_use(folder: Path) -> bool:
    try:
        os.kill(int((folder / _PID).read_text()), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except (OSError, ValueError):
        return time.time() - folder.stat().st_mtime < _BEING_MADE
    return True


def _remove(folder: Path) -> None:
    """Remove a folder without following links: they lead to the user's own files. What cannot be removed stays."""
    from shutil import rmtree  # costs 8 ms, which nobody waits for here

    rmtree(folder, ignore_errors=True)
