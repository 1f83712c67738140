"""Signals that are held back are taken one by one, and none is left over."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from tokenguard.platforms import signals
from tokenguard.platforms.signals import Received, held_back, next_signal

TAKEN = {signal.SIGUSR1, signal.SIGCONT, signal.SIGCHLD}


@pytest.fixture(params=["linux", "darwin"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to wait; macOS knows neither `sigwaitinfo` nor who sent a signal."""
    monkeypatch.setattr(signals, "sys", SimpleNamespace(platform=request.param))
    monkeypatch.setattr(signals, "_in_foreground", lambda: False)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("number", sorted(TAKEN))
def test_a_signal_is_taken(number: int) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGCHLD, signal.SIGCONT)]
    try:
        with held_back(TAKEN):
            signal.pthread_kill(threading.get_ident(), number)
            assert next_signal(TAKEN) == Received(number, False)
    finally:
        for one, handler in zip((signal.SIGCHLD, signal.SIGCONT), before, strict=True):
            signal.signal(one, handler)


def test_what_is_left_over_does_no_harm() -> None:
    """SIGUSR1 would end this process."""
    with held_back(TAKEN) as before:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    assert signal.SIGUSR1 not in signal.sigpending()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def our_group(_: int) -> int:
    return os.getpgrp()


def test_on_macos_a_signal_in_the_foreground_is_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(os, "tcgetpgrp", our_group)
    with held_back({signal.SIGUSR1}):
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        assert next_signal({signal.SIGUSR1}).by_terminal


def test_without_a_terminal_nothing_is_the_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal(_: int) -> int:
        raise OSError

    monkeypatch.setattr(signals, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(os, "tcgetpgrp", no_terminal)
    with held_back({signal.SIGUSR1}):
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        assert not next_signal({signal.SIGUSR1}).by_terminal
