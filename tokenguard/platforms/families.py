"""A process and those that it started: what they take, and signals that reach them and nobody else."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

import psutil
from msgspec import Struct

from tokenguard.platforms.processes import is_alive

_ROUNDS = 5
"""While a family is being stopped it may grow; a family that has not ended growing after so many looks is let be."""
_LOOK_S = 0.05
"""Between looks at whether a family has ended."""


class Member(Struct, frozen=True):
    """A process of a family, at the moment of looking."""

    pid: int
    depth: int
    """0 is the process itself, 1 what it started, and so on."""
    started_us: int
    argv: tuple[str, ...]
    """It may hold what was asked of an agent: take out the program's name, and forget it."""
    exe: str
    cpu_s: float
    """Processor time since it started, in seconds."""
    memory_bytes: int
    """Of the machine's memory, shared pages included."""
    stopped: bool


def members(process: psutil.Process) -> list[Member]:
    """The process and its descendants, each below the one that started it; empty if it has gone.

    Blocks, for about a millisecond and some 100 us for each of them.
    """
    below: dict[int, list[psutil.Process]] = {}
    for one in _descendants(process):
        try:
            below.setdefault(one.ppid(), []).append(one)
        except psutil.Error:
            continue
    return list(_walk(process, 0, below))


def pause(process: psutil.Process) -> int:
    """Stop a process and its descendants until they are resumed; how many were reached."""
    reached = {process: send(process, signal.SIGSTOP)}
    for _ in range(_ROUNDS):
        new = [one for one in _descendants(process) if one not in reached]
        if not new:
            break
        reached |= {one: send(one, signal.SIGSTOP) for one in new}
    return sum(reached.values())


def resume(process: psutil.Process) -> int:
    """Let a process and its descendants go on; how many were reached."""
    return sum(send(one, signal.SIGCONT) for one in (*_descendants(process), process))


def stop(process: psutil.Process, patience_s: float) -> int:
    """Ask a process and its descendants to end, and kill those that have not after `patience_s`; how many were reached.

    Blocks until then at most.
    """
    family = [process, *_descendants(process)]
    reached = sum(send(one, signal.SIGTERM) for one in family)
    for one in family:
        send(one, signal.SIGCONT)  # what is paused can only end once it goes on
    deadline = time.monotonic() + patience_s
    while (stubborn := [one for one in family if is_alive(one)]) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    for one in [*stubborn, *(child for parent in stubborn for child in _descendants(parent))]:
        send(one, signal.SIGKILL)
    return reached


def started_by(process: psutil.Process, pid: int | None) -> psutil.Process | None:
    """The parent of a process, if it has this number."""
    try:
        parent = process.parent()
    except psutil.Error:
        return None
    return parent if parent is not None and parent.pid == pid else None


def send(process: psutil.Process, number: int) -> bool:
    """Send a signal to that very process, never to another one that has got its number; whether it was there.

    Never to ourselves, either.
    """
    if process.pid == os.getpid() or process.pid <= 1:
        return False
    if sys.platform != "linux":
        return _sent_by_number(process, number)
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return _sent_by_number(process, number)
    try:
        # The handle is that of whoever has the number now, and stays that one's: it is compared after it was taken.
        if not is_alive(process):
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _sent_by_number(process: psutil.Process, number: int) -> bool:
    try:
        process.send_signal(number)
    except (psutil.Error, OSError):
        return False
    return True


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [one for one in process.children(recursive=True) if one.pid != os.getpid()]
    except psutil.Error:
        return []


def _walk(process: psutil.Process, depth: int, below: dict[int, list[psutil.Process]]) -> Iterator[Member]:
    member = _look(process, depth)
    if member is None:
        return
    yield member
    for child in sorted(below.get(process.pid, ()), key=lambda one: one.pid):
        yield from _walk(child, depth + 1, below)


def _look(process: psutil.Process, depth: int) -> Member | None:
    try:
        with process.oneshot():
            if not is_alive(process):
                return None
            times = process.cpu_times()
            return Member(
                process.pid,
                depth,
                int(process.create_time() * 1_000_000),
                tuple(process.cmdline()),
                _exe(process),
                times.user + times.system,
                process.memory_info().rss,
                process.status() == psutil.STATUS_STOPPED,
            )
    except (psutil.Error, OSError):
        return None


def _exe(process: psutil.Process) -> str:
    """Path of its program; empty where that is not to be seen, as of another user's."""
    try:
        return process.exe()
    except (psutil.Error, OSError):
        return ""
