"""A folder and a daemon of their own, apart from the user's, for as long as something is shown or tried out."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil

from tokenguard import client
from tokenguard.cli import output
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError

PATIENCE = 10.0
"""Seconds that a process gets to end."""


@contextmanager
def world(name: str) -> Generator[tuple[ExitStack, Path]]:
    """What is built in the block, and its folder, goes away with it, whatever ends it."""
    with ExitStack() as built:
        built.callback(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        try:
            root = Path(tempfile.mkdtemp(prefix=f"tokenguard-{name}-")).resolve()
            built.callback(shutil.rmtree, root, ignore_errors=True)
            yield built, root
        finally:
            # A second Ctrl-C must not leave half of it behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def stop_daemon(paths: Paths, env: Mapping[str, str]) -> None:
    """End the daemon, also one that is only about to answer, and wait until its process is gone."""
    with suppress(TokenguardError, psutil.Error):
        daemon = client.ensure(paths, env, output.note)
        process = psutil.Process(daemon.pid)
        daemon.stop(now=True, timeout=PATIENCE)
        process.wait(PATIENCE)


def tokenguard(*arguments: str) -> list[str]:
    """The command line of a tokenguard command."""
    return [sys.executable, "-m", "tokenguard", *arguments]


@contextmanager
def ended_by_signals() -> Generator[None]:
    """Let a signal that ends the program pass through all `finally` blocks, as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
