"""One daemon per state folder: its lock, its state file, and what an earlier one left behind."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from tokenguard import __version__
from tokenguard.client.starting import ALREADY_RUNNING
from tokenguard.config.paths import Paths, make_private
from tokenguard.errors import ConfigError, DaemonError
from tokenguard.platforms import check_owner, socket_path


class State(msgspec.Struct, frozen=True):
    """The state file: what others may want to know of a running daemon without asking it."""

    pid: int
    port: int
    version: str
    started_at: str
    """ISO 8601, UTC."""


class Instance:
    """The right to be the daemon of a state folder, from construction to `release`, or to the process's death."""

    def __init__(self, paths: Paths) -> None:
        """Take the lock. Raises `DaemonError` if a daemon has it, `ConfigError` if the folder cannot be used."""
        make_private(paths.state_dir)
        self.socket = socket_path(paths.state_dir)
        self._state_file = paths.state_file
        self._lock = _locked(paths)
        self.earlier_port = _port_in(self._lock)
        """Where the daemon before this one was to be reached, whatever ended it; None if there was none."""
        if self.socket.parent != paths.state_dir:
            with suppress(FileNotFoundError):
                check_owner(self.socket.parent)  # before it is made private: a link would make another one so
            make_private(self.socket.parent)
            check_owner(self.socket.parent)
        self.socket.unlink(missing_ok=True)

    def announce(self, port: int) -> None:
        """Write the state file, now that the daemon can be reached, and the port for the daemon after this one."""
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, b"%d\n" % port, 0)
        started_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        state = State(os.getpid(), port, __version__, started_at)
        new = self._state_file.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(state) + b"\n")
        new.replace(self._state_file)

    def release(self) -> None:
        """Remove the state file and the socket, and let the next daemon come. May be called twice."""
        if self._lock >= 0:
            self._state_file.unlink(missing_ok=True)
            self.socket.unlink(missing_ok=True)
            if self.socket.parent != self._state_file.parent:
                with suppress(OSError):
                    self.socket.parent.rmdir()
            os.close(self._lock)
            self._lock = -1


def _locked(paths: Paths) -> int:
    """The lock's descriptor; closing it is to let go of it."""
    try:
        lock = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{paths.lock} cannot be opened: {error.strerror}", "remove it if it is not yours, or set TOKENGUARD_HOME"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        found = _read(paths.state_file)
        which = f" (pid {found.pid}, port {found.port})" if found else ""
        raise DaemonError(f"{ALREADY_RUNNING}{which}", "stop it with: tokenguard daemon stop") from error
    return lock


def _port_in(lock: int) -> int | None:
    written = os.pread(lock, 16, 0).strip()
    return int(written) if written.isdigit() and int(written) < 65536 else None


def _read(state_file: Path) -> State | None:
    try:
        return msgspec.json.decode(state_file.read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError):
        return None
