"""The agent's process: started in our process group, followed through stops and signals until it ends.

The terminal sees one job. What it sends (Ctrl-C, Ctrl-Z, a resize) reaches the agent by itself, because the agent is
in the foreground group; we only have to survive it, stop when the agent stops, and pass on what was sent to us alone.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NoReturn

from tokenguard.errors import UsageError
from tokenguard.platforms.signals import held_back, next_signal

_OF_THE_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
"""The terminal sends these to every process of the job: passed on, the agent would get them twice."""

_PASSED_ON = _OF_THE_TERMINAL | {signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
"""A terminal that goes away tells only the process that leads its session, which may be us."""

_TAKEN = _PASSED_ON | {signal.SIGCHLD, signal.SIGCONT}

_CHANGED_BY_PYTHON = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ", "SIGXFZ") if hasattr(signal, name)]
"""Python ignores these when it starts, and a program that is started inherits that."""


def run(program: str, args: Sequence[str], env: Mapping[str, str], started: Callable[[int], None]) -> int:
    """Run a program to its end; `started` gets its pid. Its exit code, or minus the signal that killed it.

    Raises `UsageError` if the system cannot start it. Descendants that outlive it are not waited for.
    """
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else the system throws exit codes away
    with held_back(_TAKEN) as mask:
        pid = _spawn(program, args, env, mask)
        started(pid)
        return _follow(pid)


def die_by(number: int) -> NoReturn:
    """End as the agent ended, by a signal, so that shells and `timeout` see the same; without a second core dump."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _spawn(program: str, args: Sequence[str], env: Mapping[str, str], mask: Iterable[int]) -> int:
    """Start with the signal mask and dispositions that we were started with; other file descriptors stay open."""
    words = [program, *args]
    try:
        try:
            return os.posix_spawn(program, words, env, setsigmask=mask, setsigdef=_CHANGED_BY_PYTHON)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # A script without a first line that says what runs it: shells run it themselves.
            return os.posix_spawn("/bin/sh", ["sh", *words], env, setsigmask=mask, setsigdef=_CHANGED_BY_PYTHON)
    except OSError as error:
        raise UsageError(
            f"{program} cannot be started: {error.strerror}", "check the file, and its first line"
        ) from error


def _follow(pid: int) -> int:
    stopped = False
    while True:
        received = next_signal(_TAKEN)
        has_it = received.by_terminal and received.number in _OF_THE_TERMINAL
        if received.number in _PASSED_ON and not has_it:
            os.kill(pid, received.number)
        for status in _changes(pid):
            if os.WIFSTOPPED(status):
                _stop_by(os.WSTOPSIG(status))
            elif not os.WIFCONTINUED(status):
                return os.waitstatus_to_exitcode(status)
            stopped = os.WIFSTOPPED(status)
        if stopped and received.number == signal.SIGCONT:
            os.kill(pid, signal.SIGCONT)


def _changes(pid: int) -> Iterator[int]:
    """What has happened to the agent since we last looked, the oldest first."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        if not found:
            return
        yield status


def _stop_by(number: int) -> None:
    """Stop as the agent did, and return when somebody continues us: the shell then gets its terminal back."""
    if number == signal.SIGSTOP:
        os.kill(os.getpid(), number)
        return
    before = signal.signal(number, signal.SIG_DFL)
    # Sent first and let through then: the terminal's own copy may be pending, and both must stop us only once.
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    signal.signal(number, before)
