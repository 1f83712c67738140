"""macOS: who owns a socket, as far as the system tells an ordinary user; notifications through AppleScript."""

from __future__ import annotations

import os


def peer_uid(local: tuple[str, int], peer: tuple[str, int]) -> int | None:
    """See `System.peer_uid`. Only the sockets of one's own processes can be seen: our uid, or None."""
    import psutil

    theirs, ours = (_plain(peer), _plain(local))
    for process in psutil.process_iter(["uids"]):
        uids = process.info["uids"]
        if uids is None or uids.real != os.getuid():
            continue
        try:
            connections = process.net_connections("tcp")
        except psutil.Error:
            continue
        if any(
            end.laddr and end.raddr and _plain(end.laddr) == theirs and _plain(end.raddr) == ours for end in connections
        ):
            return os.getuid()
    return None


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


def _plain(address: tuple[str, int]) -> tuple[str, int]:
    """An IPv4 address that is written as IPv6 (`::ffff:127.0.0.1`) as IPv4."""
    return address[0].removeprefix("::ffff:"), address[1]
