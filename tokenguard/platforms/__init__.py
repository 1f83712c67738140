"""What differs between operating systems: every such line is in this package, one module per system.

`service` (and the modules behind it) is imported by those who install or ask about a service; this module is what
the daemon and its clients need all the time.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from tokenguard.errors import DaemonError
from tokenguard.platforms import linux, macos

MAX_SOCKET_PATH = 100
"""Bytes; the kernels take 107 (Linux) and 103 (macOS)."""


class System(Protocol):
    """What a system's module provides."""

    @property
    def EDITORS_NAME(self) -> str:
        """What VS Code calls the system in the names of its settings."""
        ...

    def settings_folder(self, env: Mapping[str, str], home: Path) -> Path:
        """See `settings_folder`."""
        ...

    def peer_uid(self, local: tuple[str, int], peer: tuple[str, int]) -> int | None:
        """Whose socket is at the other end of a loopback TCP connection, by both addresses of our end.

        None where the system does not tell, or the connection is gone. Never raises.
        """
        ...

    def peer_pid(
        self, local: tuple[str, int], peer: tuple[str, int], likely: Iterable[int], first: Callable[[str], bool]
    ) -> int | None:
        """See `peer_pid`. Never raises."""
        ...

    def sees_our_files(self, pid: int) -> bool:
        """See `sees_our_files`. Never raises."""
        ...

    def notification(self, title: str, text: str, *, urgent: bool) -> tuple[str, ...]:
        """See `notification`; this system's command."""
        ...

    def reuse_memory(self) -> None:
        """See `reuse_memory`."""
        ...

    def boot_seconds(self) -> float:
        """See `boot_seconds`."""
        ...

    def boot_id(self) -> str:
        """See `boot_id`."""
        ...


_SYSTEMS: dict[str, System] = {"linux": linux, "darwin": macos}


def peer_uid(local: tuple[str, int], peer: tuple[str, int]) -> int | None:
    """User id that owns the client's end of a loopback TCP connection that we accepted; None if it is not known.

    `local` and `peer` are (host, port) of our end, as `getsockname` and `getpeername` tell them. Blocks, for some
    50 us on Linux and some milliseconds on macOS.
    """
    system = _SYSTEMS.get(sys.platform)
    return system.peer_uid(local, peer) if system else None


def peer_pid(
    local: tuple[str, int],
    peer: tuple[str, int],
    likely: Iterable[int] = (),
    first: Callable[[str], bool] = lambda name: False,
) -> int | None:
    """The process at the other end of a loopback TCP connection that we accepted; None if it is not known.

    Of several that share the socket it is any one. The processes in `likely` are looked at first, then those of whose
    name `first` says so. Blocks: on Linux for some 4 us for each process and for each descriptor that is looked at, on
    macOS for some 50 us for each process.
    """
    system = _SYSTEMS.get(sys.platform)
    return system.peer_pid(local, peer, likely, first) if system else None


def sees_our_files(pid: int) -> bool:
    """Whether the paths of a process mean to us what they mean to it: those of one in a container do not."""
    system = _SYSTEMS.get(sys.platform)
    return system is not None and system.sees_our_files(pid)


def notification(title: str, text: str, *, urgent: bool) -> tuple[str, ...] | None:
    """The words of a command, to be run without a shell, that shows a notification; None where there is none.

    `title` must not begin with a dash, and both must be printable: what they say is shown, whatever it is.
    """
    system = _SYSTEMS.get(sys.platform)
    return system.notification(title, text, urgent=urgent) if system else None


def settings_folder(env: Mapping[str, str], home: Path) -> Path:
    """The folder in which desktop programs keep their settings."""
    return _SYSTEMS.get(sys.platform, linux).settings_folder(env, home)


def editors_name() -> str:
    """What VS Code calls this system in the names of its settings: `linux` or `osx`."""
    return _SYSTEMS.get(sys.platform, linux).EDITORS_NAME


def reuse_memory() -> None:
    """Let this process keep a few megabytes that it has freed for what it needs next, where the system would not."""
    system = _SYSTEMS.get(sys.platform)
    if system:
        system.reuse_memory()


def boot_seconds() -> float:
    """Seconds since some instant before now, those asleep included; nobody can set it back."""
    return _SYSTEMS.get(sys.platform, linux).boot_seconds()


def boot_id() -> str:
    """What is another one after each start of the machine."""
    return _SYSTEMS.get(sys.platform, linux).boot_id()


def unsupported() -> str | None:
    """Why tokenguard cannot run on this system, and what to do; None where it can."""
    if sys.platform == "win32":
        return "native Windows is not supported; install it inside WSL: https://learn.microsoft.com/windows/wsl/install"
    return None


def socket_path(state_dir: Path) -> Path:
    """The control socket of a state folder.

    A unix socket's path must be short, so that of a deep folder is in a folder of its own below /tmp. Not in the
    session's runtime folder: that one goes away at logout, while the daemon stays.
    """
    path = state_dir / "daemon.sock"
    deep = os.fsencode(path)
    if len(deep) <= MAX_SOCKET_PATH:
        return path
    from hashlib import sha256

    return Path(f"/tmp/tokenguard-{os.getuid()}-{sha256(deep).hexdigest()[:16]}/daemon.sock")


def check_owner(folder: Path) -> None:
    """Raise `DaemonError` if a folder is somebody else's: below /tmp anybody could have made it first.

    Raises `FileNotFoundError` if there is none. Root may use everybody's.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or os.getuid() not in (found.st_uid, 0):
        raise DaemonError(
            f"{folder} belongs to another user", "remove it, or set TOKENGUARD_HOME to a folder with a shorter path"
        )
