"""Facts about processes; a pid alone is none, because the system gives it to another process later."""

from __future__ import annotations

import psutil


def find(pid: int) -> psutil.Process | None:
    """The live process of that number; None if there is none, or only a zombie of it."""
    try:
        process = psutil.Process(pid)
    except (psutil.Error, ValueError):
        return None
    return process if is_alive(process) else None


def is_alive(process: psutil.Process) -> bool:
    """Whether that very process still runs: not another one that got its number, not a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def started_us(process: psutil.Process) -> int | None:
    """When it started, in microseconds UTC, as well as the system's clock tells; None if it is gone."""
    try:
        return int(process.create_time() * 1_000_000)
    except psutil.Error:
        return None
