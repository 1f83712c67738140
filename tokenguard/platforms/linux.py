"""Linux: sockets and processes by /proc, notifications through libnotify, the allocator of the C library."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tokenguard.platforms.linux_sockets import holders, owner_of

EDITORS_NAME = "linux"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""Numbers of glibc's malloc.h."""
_KEPT_FREE = 16 << 20
"""Bytes at the end of the heap that stay the process's own while they are free."""
_LARGEST_KEPT = 4 << 20
"""Bytes of one block from which on it is taken from the system, and given back, by itself."""


def peer_uid(local: tuple[str, int], peer: tuple[str, int]) -> int | None:
    """See `System.peer_uid`."""
    owner = owner_of(local, peer)
    return owner.uid if owner else None


def peer_pid(
    local: tuple[str, int], peer: tuple[str, int], likely: Iterable[int], first: Callable[[str], bool]
) -> int | None:
    """See `System.peer_pid`: the process that has a descriptor of the socket, by its inode."""
    owner = owner_of(local, peer)
    if owner is None:
        return None
    wanted = f"socket:[{owner.inode}]"
    guesses = tuple(likely)
    return next(holders(guesses, first, wanted), None)


def sees_our_files(pid: int) -> bool:
    """See `System.sees_our_files`: by the namespace of mounts, which is another one in a container."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    except OSError:
        return False


_PLAIN = str.maketrans({"<": "‹", ">": "›", "&": "＆", "\\": "⧵"})
"""Desktops take what they are told for markup (Desktop Notifications Specification), and notify-send unfolds
backslashes."""


def notification(title: str, text: str, *, urgent: bool) -> tuple[str, ...]:
    """See `System.notification`: notify-send of libnotify."""
    urgency = "critical" if urgent else "normal"
    words = ("notify-send", "--app-name=tokenguard", f"--urgency={urgency}", "--")
    return (*words, title.translate(_PLAIN), text.translate(_PLAIN))


def settings_folder(env: Mapping[str, str], home: Path) -> Path:
    """See `settings_folder`: as the XDG Base Directory Specification has it."""
    return Path(env.get("XDG_CONFIG_HOME") or home / ".config")


def boot_seconds() -> float:
    """See `System.boot_seconds`."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """See `System.boot_id`."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def reuse_memory() -> None:
    """See `System.reuse_memory`.

    glibc gives back what a large request took as soon as it is through, and every page of the next one is a fault:
    half of all that a request of 900 kB costs. Other C libraries have no `mallopt`.
    """
    import ctypes  # only the daemon pays for it

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)
