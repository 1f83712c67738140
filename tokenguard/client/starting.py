"""A daemon when one is needed: started where there is none, replaced where it is older than we are."""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING

from tokenguard import __version__
from tokenguard.client.access import Daemon, find
from tokenguard.errors import DaemonError

if TYPE_CHECKING:
    from tokenguard.config.paths import Paths

PATIENCE = 10.0
"""Seconds within which a daemon has to answer."""

SUMMING_UP = "summing up the ledger, once"
"""What a daemon says as long as it does that, before it answers."""

ALREADY_RUNNING = "a daemon is already running"
"""What a daemon that is one too many says first."""


def ensure(paths: Paths, env: Mapping[str, str], say: Callable[[str], None]) -> Daemon:
    """The running daemon, or a new one. Raises `DaemonError` with the new one's own words if it cannot start.

    An older daemon than this program is replaced while it has nothing to do; `say` is told, one line.
    """
    daemon = find(paths)
    if daemon is None or daemon.stopping:
        return _start(paths, env, say)
    if _release(daemon.version) >= _release(__version__):
        return daemon
    if not daemon.stop(only_idle=True, timeout=PATIENCE):
        say(f"the running daemon is of version {daemon.version}; it is busy, so {__version__} replaces it later")
        return daemon
    say(f"replacing the daemon of version {daemon.version} by {__version__}")
    return _start(paths, env, say)


def _start(paths: Paths, env: Mapping[str, str], say: Callable[[str], None]) -> Daemon:
    """Start a daemon, or wait for the one that somebody else starts; of several starters, one at a time."""
    deadline = time.monotonic() + PATIENCE
    with _turn(paths):
        while True:
            daemon = find(paths)
            if daemon is not None and not daemon.stopping:
                return daemon
            failure = "the daemon is stopping: it lets the calls in flight end first; try again when it has"
            if daemon is None:
                failure = _launch(paths, env, deadline, say)
                daemon = find(paths)
                if daemon is not None:
                    return daemon
                if not failure.startswith(ALREADY_RUNNING):
                    break
            elif daemon.wait_until_gone(deadline - time.monotonic()):
                continue
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)  # another daemon is about to answer, or about to be gone: neither tells us
    message, _, hint = failure.partition("; ")
    raise DaemonError(message, hint or "see: tokenguard daemon logs")


def _launch(paths: Paths, env: Mapping[str, str], deadline: float, say: Callable[[str], None]) -> str:
    """Start a daemon and wait until it answers or has failed; the last line that it wrote, if any."""
    import subprocess  # whoever finds a daemon does not pay for it

    from tokenguard.platforms.service import service_port

    port = service_port(paths.state_dir)
    if port is not None and _knock(port):
        # The service manager listens on our port, and starts the daemon because somebody connected.
        while find(paths) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        return "the service did not start the daemon; see: tokenguard daemon logs"
    if env.get("TOKENGUARD_HOME"):
        env = {**env, "TOKENGUARD_HOME": str(paths.state_dir)}  # it may be relative, and the daemon works elsewhere
    ours, theirs = os.pipe()
    try:
        # Through a shell that ends at once, so that the daemon is no child of a `run` that may live for days; from
        # the root folder, so that no `tokenguard` package in the current one is imported.
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", sys.executable, "-m", "tokenguard", "daemon", "run"],
            cwd="/",
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(theirs)
    try:
        return _last_line(_read_to_end(ours, deadline, say))
    finally:
        os.close(ours)


def _read_to_end(pipe: int, deadline: float, say: Callable[[str], None]) -> bytes:
    """What comes through a pipe until the other side closes it: a daemon does when it answers, or fails.

    One that sums up its ledger is waited for as long as it goes on; `say` is told so, once.
    """
    read = b""
    working = SUMMING_UP.encode()
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(pipe, 65536)
        if not chunk:
            return read
        if working in chunk:
            if working not in read:
                say("the daemon sums up the ledger first, once; a million calls take half a minute")
            deadline = max(deadline, time.monotonic() + PATIENCE)
        read += chunk
    return read + f"\nthe daemon did not answer within {PATIENCE:.0f} s".encode()


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("tokenguard: ") if lines else "the daemon ended at once"


def _knock(port: int) -> bool:
    """Connect to a port on loopback; False if nobody listens there."""
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def _turn(paths: Paths) -> Generator[None]:
    """Hold the starters' lock."""
    try:
        paths.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(paths.state_dir / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DaemonError(
            f"the folder {paths.state_dir} cannot be used: {error.strerror}",
            "make it writable, or set TOKENGUARD_HOME to a folder of yours",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _release(version: str) -> list[int]:
    """The numbers of a version, for comparison."""
    return [int("".join(takewhile(str.isdigit, part)) or "0") for part in version.split(".")]
