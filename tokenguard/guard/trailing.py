"""What a rolling window loses and gains as time passes.

It loses the calls that began too long ago. It gains those that were dated ahead of now, by a clock that has been
corrected since: they count when their time has come, as they do in the windows of the calendar.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

_MOST = 1_000
"""Calls that are read at once."""

ALL = 2**62
"""More calls than there can be, and later than any."""

Leaving = Callable[[int, int, int], list[tuple[int, int]]]
"""(since_us, until_us, most) -> (started_us, value) of what was charged in that half-open span, the oldest first."""


class Trailing:
    """Follows both ends of a window of `span_us` that ends now: a call is in it while `now - span < start <= now`."""

    def __init__(self, span_us: int, now_us: int, leaving: Leaving, ahead: Iterable[tuple[int, int]] = ()) -> None:
        """`ahead` are the (started_us, value) of what is charged already and dated after now."""
        self._span_us = span_us
        self._leaving = leaving
        self._edge_us = now_us - span_us
        """What began then or earlier is out."""
        self._known_us = self._edge_us
        """What began until then and is not out yet is in `_next`."""
        self._next: list[tuple[int, int]] = []
        self._ahead = list(ahead)
        heapq.heapify(self._ahead)
        self.open: list[tuple[int, int]] = []
        """A heap of (started_us, id) of calls in flight, which whoever sets aside for them puts in and takes out."""

    def holds(self, started_us: int) -> bool:
        """Whether a call that began then is in the window."""
        return started_us > self._edge_us

    def add(self, started_us: int, value: int) -> None:
        """A call that the window holds was charged."""
        if started_us <= self._known_us:
            heapq.heappush(self._next, (started_us, value))

    def later(self, started_us: int, value: int) -> None:
        """A call was charged that is dated after now."""
        heapq.heappush(self._ahead, (started_us, value))

    def moved(self, now_us: int) -> int:
        """The value of what is new in the window since this was asked last, without what left it."""
        edge_us = now_us - self._span_us
        goes = edge_us > self._known_us or (self._next and self._next[0][0] <= edge_us)
        # Most of the time nothing comes and nothing goes.
        if not self._ahead and not goes:
            self._edge_us = max(self._edge_us, edge_us)
            return 0
        return self.gained(now_us) - self.lost(now_us)

    def gained(self, now_us: int) -> int:
        """The value of what was ahead and is not any more. To be asked before `lost`, which may lose it again."""
        gained = 0
        while self._ahead and self._ahead[0][0] <= now_us:
            started_us, value = heapq.heappop(self._ahead)
            self.add(started_us, value)
            gained += value
        return gained

    def lost(self, now_us: int) -> int:
        """The value of what left since this was asked last."""
        edge_us = now_us - self._span_us
        if edge_us <= self._edge_us:
            return 0
        lost = 0
        while True:
            while self._next and self._next[0][0] <= edge_us:
                lost += heapq.heappop(self._next)[1]
            if self._known_us >= edge_us:
                break
            self._read(edge_us + self._span_us // 10)
        self._edge_us = edge_us
        return lost

    def _read(self, until_us: int) -> None:
        found = self._leaving(self._known_us + 1, until_us + 1, _MOST)
        if len(found) == _MOST and found[0][0] < found[-1][0]:
            # Others may have begun at the same instant as the last one.
            until_us = found[-1][0] - 1
            found = [one for one in found if one[0] <= until_us]
        elif len(found) == _MOST:
            # While a clock that was set back stands still, everything begins at the same instant.
            until_us = found[0][0]
            found = self._leaving(until_us, until_us + 1, ALL)
        for one in found:
            heapq.heappush(self._next, one)
        self._known_us = until_us
