"""Hooks in a file beside a git configuration, which includes it.

They are awake while that file is there, and asleep while it has another name.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tokenguard.config.paths import Paths
from tokenguard_hooks import configuring, files, scripts
from tokenguard_hooks.configuring import beside, holds_include


def put(file: Path, lines: bytes) -> bool:
    """Let the file beside a configuration hold these lines; whether it did not. Raises `TokenguardError`."""
    with files.told(file):
        mode = file.stat().st_mode & 0o666 if file.exists() else configuring.MODE
        file.parent.mkdir(parents=True, exist_ok=True)
    changed = files.put(beside(file), lines, mode)
    _forget(_asleep(file))
    return changed


def take_out(file: Path) -> None:
    """Remove the file beside a configuration. Raises `TokenguardError`."""
    for one in (beside(file), _asleep(file)):
        _forget(one)


def is_awake(file: Path, paths: Paths) -> bool:
    """Whether git reads hooks of this state folder from beside a configuration."""
    return holds_include(file) and _are_of(files.read(beside(file)), paths)


def is_asleep(file: Path, paths: Paths) -> bool:
    """Whether it would, if those were not asleep."""
    return not files.is_there(beside(file)) and _are_of(files.read(_asleep(file)), paths) and holds_include(file)


def sleeps(file: Path, event: str) -> bool:
    """Whether it would read this one, if hooks were not asleep."""
    there = not files.is_there(beside(file)) and holds_include(file)
    return there and b'[hook "%s"]\n' % configuring.name(event).encode() in (files.read(_asleep(file)) or b"")


def put_to_sleep(file: Path) -> None:
    """Have git find nothing beside a configuration. Raises `TokenguardError`."""
    with files.told(beside(file)):
        beside(file).replace(_asleep(file))


def wake(file: Path) -> None:
    """Have git find again what was put to sleep. Raises `TokenguardError`."""
    with files.told(_asleep(file)), suppress(FileNotFoundError):
        if files.is_there(beside(file)):
            _asleep(file).unlink()
        else:
            _asleep(file).replace(beside(file))


def _are_of(lines: bytes | None, paths: Paths) -> bool:
    """Whether these are lines of hooks that lead to this state folder."""
    told = scripts.command(scripts.EVENTS[0], paths).partition(b";")[0].partition(b" tg_state=")[2]
    return lines is not None and configuring.quoted(b" tg_state=" + told + b";").strip(b'"') in lines


def _asleep(file: Path) -> Path:
    return file.with_name(beside(file).name + scripts.ASLEEP)


def _forget(file: Path) -> None:
    with files.told(file), suppress(FileNotFoundError):
        file.unlink()
