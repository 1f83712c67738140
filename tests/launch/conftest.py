"""A home with a daemon that answers, and terminals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.launch.support import FakeDaemon, Terminal


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """A program that hangs fails its test."""

    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TOKENGUARD_HOME, a HOME without any agent's settings, and no variable that agents read."""
    folder = tmp_path / "h"
    user = tmp_path / "user"
    user.mkdir()
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "OPENAI_", "GEMINI_", "GOOGLE_", "CLAUDE_", "CODEX_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOKENGUARD_HOME", str(folder))
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def daemon(home: Path) -> Iterator[FakeDaemon]:
    fake = FakeDaemon(home)
    yield fake
    fake.close()


@pytest.fixture
def terminal(daemon: FakeDaemon) -> Iterator[Callable[[Sequence[str]], Terminal]]:
    """Runs a program in a terminal of its own."""
    opened: list[Terminal] = []

    def open_terminal(command: Sequence[str]) -> Terminal:
        opened.append(Terminal(command, os.environ))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()
