"""macOS: who owns a socket, as far as the system tells an ordinary user; notifications through AppleScript."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

EDITORS_NAME = "osx"


def peer_uid(local: tuple[str, int], peer: tuple[str, int]) -> int | None:
    """See `System.peer_uid`. Only the sockets of one's own processes can be seen: our uid, or None."""
    return None if peer_pid(local, peer, (), lambda name: False) is None else os.getuid()


def peer_pid(
    local: tuple[str, int], peer: tuple[str, int], likely: Iterable[int], first: Callable[[str], bool]
) -> int | None:
    """See `System.peer_pid`: one process after the other, as the system has no table of them all for its users."""
    theirs, ours = _plain(peer), _plain(local)
    return next((pid for pid in chain(likely, _own_processes(first)) if _connects(pid, theirs, ours)), None)


def sees_our_files(pid: int) -> bool:
    """See `System.sees_our_files`: containers run in a virtual machine there."""
    return True


def _own_processes(first: Callable[[str], bool]) -> Iterator[int]:
    """By their names, and of these the largest numbers first: who calls has often just begun."""
    import psutil

    found = [process for process in psutil.process_iter(["uids", "name"]) if _is_ours(process)]
    found.sort(key=lambda process: (not first(process.info["name"] or ""), -process.pid))
    yield from (process.pid for process in found)


def _is_ours(process: psutil.Process) -> bool:
    uids = process.info["uids"]
    return uids is not None and uids.real == os.getuid()


def _connects(pid: int, theirs: tuple[str, int], ours: tuple[str, int]) -> bool:
    """Whether a process has a connection between these ends."""
    import psutil

    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(
        end.laddr and end.raddr and _plain(end.laddr) == theirs and _plain(end.raddr) == ours for end in connections
    )


def settings_folder(env: Mapping[str, str], home: Path) -> Path:
    """See `settings_folder`."""
    return home / "Library" / "Application Support"


_SHOW = (
    "on run told",
    "display notification (item 2 of told) with title (item 1 of told)",
    "end run",
)
"""What is shown comes as arguments, never as a part of the script. It has no urgency: how loud it is, the user sets."""


def notification(title: str, text: str, *, urgent: bool) -> tuple[str, ...]:
    """See `System.notification`: osascript."""
    script = (word for line in _SHOW for word in ("-e", line))
    return ("osascript", *script, title, text)


def reuse_memory() -> None:
    """See `System.reuse_memory`: there is nothing to be set."""


def boot_seconds() -> float:
    """See `System.boot_seconds`: this clock of Darwin goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def boot_id() -> str:
    """See `System.boot_id`."""
    import subprocess  # whoever only shows a status line does not pay for it

    asked = subprocess.run(["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def _plain(address: tuple[str, int]) -> tuple[str, int]:
    """An IPv4 address that is written as IPv6 (`::ffff:127.0.0.1`) as IPv4."""
    return address[0].removeprefix("::ffff:"), address[1]
