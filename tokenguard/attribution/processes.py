"""Processes, as far as the system tells an ordinary user. What has gone meanwhile, or cannot be seen, is left out."""

from __future__ import annotations

from typing import NamedTuple

import psutil

_DEEPEST = 64


class Process(NamedTuple):
    """A process at the moment of looking."""

    pid: int
    started: float
    """Seconds since the epoch; with `pid` it names the process for good."""
    argv: tuple[str, ...]
    exe: str
    """Path of its program; empty where that is not to be seen."""


def lineage(pid: int) -> list[Process]:
    """A process, the one that started it, and so on up to the oldest that can be seen; empty if it has gone."""
    found: list[Process] = []
    here = _open(pid)
    while here is not None and len(found) < _DEEPEST:
        with here.oneshot():
            process, parent = _look(here)
        if process is None or (found and process.started > found[-1].started):
            break  # the number of a parent that has gone is another process's by now
        found.append(process)
        here = _open(parent) if parent > 1 else None
    return found


def folder(pid: int) -> str | None:
    """The working folder of a process."""
    try:
        return psutil.Process(pid).cwd() or None
    except (psutil.Error, OSError):
        return None


def environment(pid: int) -> dict[str, str]:
    """The environment with which a process was started. It holds secrets: take out what is needed, and forget it."""
    try:
        return psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return {}


def _open(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except (psutil.Error, ValueError):
        return None


def _look(process: psutil.Process) -> tuple[Process | None, int]:
    """What there is to see of a process, and its parent's number."""
    try:
        started, parent, argv = process.create_time(), process.ppid(), process.cmdline()
    except psutil.NoSuchProcess:
        return None, 0
    except (psutil.Error, OSError):
        started, parent, argv = process.create_time(), process.ppid(), []
    try:
        exe = process.exe()
    except (psutil.Error, OSError):
        exe = ""
    return Process(process.pid, started, tuple(argv), exe), parent
