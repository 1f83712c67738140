"""Facts about processes; a pid alone is none, because the system gives it to another process later."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

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


def is_stopped(pid: int) -> bool:
    """Whether a process is suspended, as by Ctrl-Z."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except (psutil.Error, ValueError):
        return False


def with_variable(name: str, value: str) -> list[psutil.Process]:
    """The live processes that were started with a variable of this value, as far as their environment is to be seen.

    Blocks: on Linux for some 10 us for each process of the machine, else for some 100 us.
    """
    candidates = _linux_pids(name, value) if sys.platform == "linux" else psutil.pids()
    found = (process for pid in candidates if (process := find(pid)) is not None)
    return [process for process in found if _has(process, name, value)]


def _linux_pids(name: str, value: str) -> Iterator[int]:
    wanted = f"\0{name}={value}\0".encode()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if wanted in b"\0" + file.read():
                        yield int(entry)
            except OSError:
                continue


def _has(process: psutil.Process, name: str, value: str) -> bool:
    try:
        return process.environ().get(name) == value
    except (psutil.Error, OSError):
        return False
