"""The time of a report, cut wherever one of its keys changes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from tokenguard.reports.instants import TIME_KEYS, bucket_at

HOUR_US = 3_600_000_000
BLOCK_US = 5 * HOUR_US
"""Claude's and Codex' short windows last so long."""


class Cut(Struct, frozen=True):
    """A span in which no key changes, and what it is called by each key that goes by time."""

    since_us: int
    until_us: int
    labels: dict[str, str | None]


def cut(
    keys: Iterable[str], span: tuple[int, int], tz: tzinfo, blocks: Sequence[int] = (), edges: Iterable[int] = ()
) -> list[Cut]:
    """The span, cut by the time keys, where any of the `blocks` begin or end, and at the other `edges`."""
    asked = tuple(keys)
    since_us, end_us = span
    others = {edge for begin in blocks for edge in (begin, begin + BLOCK_US)} if "block" in asked else set[int]()
    rest = sorted({edge for edge in (*others, *edges) if since_us < edge < end_us}, reverse=True)
    found: list[Cut] = []
    while since_us < end_us:
        labels: dict[str, str | None] = {}
        until_us = end_us
        for key in asked:
            if key in TIME_KEYS:
                bucket = bucket_at(key, since_us, tz)
                labels[key] = bucket.label
                until_us = min(until_us, bucket.end_us)
            elif key == "block":
                labels[key] = _block(blocks, since_us, tz)
        while rest and rest[-1] <= since_us:
            rest.pop()
        if rest:
            until_us = min(until_us, rest[-1])
        found.append(Cut(since_us, until_us, labels))
        since_us = until_us
    return found


def blocks_of(hours: Iterable[int]) -> list[int]:
    """When blocks begin, by the hours in which there was a charge, in order.

    One begins with the hour of the first call after the one before it has ended.
    """
    begins: list[int] = []
    for hour in hours:
        if not begins or hour >= begins[-1] + BLOCK_US:
            begins.append(hour)
    return begins


def _block(begins: Sequence[int], at_us: int, tz: tzinfo) -> str | None:
    place = bisect_right(begins, at_us)
    if not place or at_us >= begins[place - 1] + BLOCK_US:
        return None
    return datetime.fromtimestamp(begins[place - 1] // 1_000_000, tz).isoformat(timespec="minutes")
