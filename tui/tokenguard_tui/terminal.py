"""The terminal on which all is drawn."""

from __future__ import annotations

import select


def is_gone(descriptor: int) -> bool:
    """Whether nobody is there any more: its window was closed, or its connection broke, and no signal told."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))
