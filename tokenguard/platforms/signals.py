"""Waiting for signals, and telling who sent them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator, Set
from contextlib import contextmanager

from msgspec import Struct

_FROM_KERNEL = 0x80
"""`SI_KERNEL` of asm-generic/siginfo.h: the terminal driver's signals carry it, those of `kill` do not."""


class Received(Struct, frozen=True):
    """A signal that came."""

    number: int
    by_terminal: bool
    """The terminal sent it, not another process."""


@contextmanager
def held_back(numbers: Set[int]) -> Generator[Set[int]]:
    """Keep signals pending, for `next_signal` to take; gives the mask as it was before.

    Threads that are started meanwhile hold them back too, so that they come to nobody but the waiting thread. What
    is still pending at the end is thrown away.
    """
    if sys.platform == "darwin":
        # What is ignored by default is thrown away there, even while it is held back.
        for number in (signal.SIGCHLD, signal.SIGCONT):
            signal.signal(number, lambda *_: None)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield before
    finally:
        for number in signal.sigpending() & numbers:
            signal.sigwait({number})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def next_signal(numbers: Set[int]) -> Received:
    """Wait for one of the signals that are held back, and take it."""
    if sys.platform != "darwin":
        found = signal.sigwaitinfo(numbers)
        return Received(found.si_signo, found.si_code == _FROM_KERNEL)
    return Received(signal.sigwait(numbers), _in_foreground())


def _in_foreground() -> bool:
    """Whether this process is in the foreground group of a terminal.

    macOS does not tell who sent a signal; there, one that comes in the foreground is taken for the terminal's.
    """
    for stream in (0, 1, 2):
        try:
            return os.tcgetpgrp(stream) == os.getpgrp()
        except OSError:
            continue
    return False
