"""Hooks in a folder get another name in a lull: while no git is about that may have found one.

A git that has found a hook must find it again a moment later, when it starts it. What is seen of processes is old as
soon as it is seen: so it is looked before each name, and once more whether a git has begun since.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from tokenguard.config.paths import Paths
from tokenguard_hooks import files, scripts, sleeping

_PAUSE_S = 0.002
"""Between two looks while a git is about."""

_TRIES = 50
"""So often it is tried at least where gits begin each time: one try may take all the time on a busy machine."""

_AT_ONCE = 100
"""Where more than so many processes and threads have begun since, it is looked at all of them again."""


def put_to_sleep(
    folder: Path, paths: Paths, is_about: Callable[[], bool], seconds: float, fresh_s: float = 0.0
) -> bool:
    """Have git start no hook of ours in a folder, in the order in which that is done; whether some fell asleep.

    A git that `is_about` is waited for, all in all for so many seconds; after that the others stay awake, of which the
    last one goes on after the next commit (`rest.sh`). What was seen holds for `fresh_s` as long as nothing begins.
    Raises `TokenguardError`.
    """
    until_s, tries = time.monotonic() + seconds, _TRIES
    lull, some = _Lull(is_about, fresh_s), False
    for event in scripts.TO_SLEEP:
        stub = scripts.stub(event, paths)
        while files.is_there(folder / event):
            if lull.is_there():
                slept = sleeping.put_to_sleep(folder, event, stub, lull.lasts)
                some = some or slept
                if slept or not lull.is_over:
                    break  # what cannot sleep, or is not ours, is not waited for
                tries -= 1
            else:
                tries = 0
                time.sleep(_PAUSE_S)
            if tries <= 0 and time.monotonic() > until_s:
                return some
    return some


def newest() -> bytes:
    """The process that has begun last on this machine, by its number, in some 10 us; nothing where nothing tells."""
    try:
        load = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(load, 100).rpartition(b" ")[2]
    except OSError:
        return b""
    finally:
        os.close(load)


def has_a_git_begun(after: bytes, until: bytes) -> bool:
    """Whether one of those that have begun after a process, up to another one, is a git, in some 10 us for each.

    A shell that is about to become one is as far from a hook as one that begins later.
    """
    if not after.strip().isdigit() or not until.strip().isdigit():
        return True
    begun = range(int(after) + 1, int(until) + 1)
    if int(until) < int(after):
        return True  # the numbers have begun anew
    return len(begun) > _AT_ONCE or any(map(_is_git, begun))


def _is_git(number: int) -> bool:
    try:
        name = os.open(f"/proc/{number}/comm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # it has ended
    try:
        return os.read(name, 3) == b"git"
    except OSError:
        return False
    finally:
        os.close(name)


class _Lull:
    """Whether no git is about, as it was seen last.

    One that begins after that takes longer until it comes to a hook than that takes to get its other name.
    """

    def __init__(self, is_about: Callable[[], bool], fresh_s: float) -> None:
        self._is_about, self._fresh_s = is_about, fresh_s
        self._newest = b""
        self._until_s = 0.0
        self.is_over = False
        """Whether a git had begun since, when that was asked last."""

    def is_there(self) -> bool:
        """Whether no git is about. Looks, unless that was done a moment ago and none has begun since."""
        if not self._newest or self.is_over or time.monotonic() >= self._until_s:
            self._newest, self.is_over, self._until_s = newest(), False, 0.0
            if self._is_about():
                return False
            self._until_s = time.monotonic() + self._fresh_s
        return True

    def lasts(self) -> bool:
        """Whether no git has begun since it was looked."""
        while (now := newest()) != self._newest:
            self.is_over = has_a_git_begun(self._newest, now)
            if self.is_over:
                return False
            self._newest = now
        return True
