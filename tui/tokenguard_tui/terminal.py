"""The terminal on which all is drawn."""

from __future__ import annotations

import select
import sys


def is_gone(descriptor: int) -> bool:
    """Whether nobody is there any more: its window was closed, or its connection broke, and no signal told."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))


def is_plain() -> bool:
    """Whether nothing beyond ASCII may be drawn."""
    return not (sys.stdout.encoding or "utf-8").lower().startswith("utf")
