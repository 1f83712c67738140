"""The time of a report, cut wherever one of its keys changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from tokenguard.reports.instants import TIME_KEYS, buckets

HOUR_US = 3_600_000_000
BLOCK_US = 5 * HOUR_US
"""Claude's and Codex' short windows last so long."""

_Run = tuple[str | None, int]
"""What a part of the time is called by a key, and its end."""


class Cuts(Struct, frozen=True):
    """Spans that follow each other, in none of which a key changes."""

    spans: Sequence[tuple[int, int]] = ()
    labels: dict[str, list[str | None]] = {}
    """What each of the spans is called, by the keys that go by time."""


def cut(
    keys: Iterable[str], span: tuple[int, int], tz: tzinfo, blocks: Sequence[int] = (), edges: Iterable[int] = ()
) -> Cuts:
    """The span, cut by the time keys, where any of the `blocks` begin or end, and at the other `edges`."""
    since_us, until_us = span
    runs: dict[str, list[_Run]] = {}
    for key in keys:
        if key in TIME_KEYS:
            runs[key] = [(one.label, min(one.end_us, until_us)) for one in buckets(key, since_us, until_us, tz)]
        elif key == "block":
            runs[key] = list(_blocks(blocks, since_us, until_us, tz))
    inner = {edge for edge in edges if since_us < edge < until_us}
    ends = sorted(
        inner.union([until_us] if since_us < until_us else [], *((end for _, end in run) for run in runs.values()))
    )
    spans = list(zip([since_us, *ends], ends, strict=False))
    return Cuts(spans, {key: _spread(run, ends) for key, run in runs.items()})


def blocks_of(hours: Iterable[int]) -> list[int]:
    """When blocks begin, by the hours in which there was a charge, in order.

    One begins with the hour of the first call after the one before it has ended.
    """
    begins: list[int] = []
    for hour in hours:
        if not begins or hour >= begins[-1] + BLOCK_US:
            begins.append(hour)
    return begins


def _blocks(begins: Sequence[int], since_us: int, until_us: int, tz: tzinfo) -> Iterator[_Run]:
    """The blocks of a span, and the pauses between them."""
    for begin in begins:
        if begin + BLOCK_US <= since_us or begin >= until_us:
            continue
        if since_us < begin:
            yield None, begin
        since_us = min(begin + BLOCK_US, until_us)
        yield datetime.fromtimestamp(begin // 1_000_000, tz).isoformat(timespec="minutes"), since_us
    if since_us < until_us:
        yield None, until_us


def _spread(run: Sequence[_Run], ends: Sequence[int]) -> list[str | None]:
    """What each of the spans that end there is called."""
    labels: list[str | None] = []
    left = iter(run)
    label, until_us = next(left, (None, 0))
    for end in ends:
        if end > until_us:
            label, until_us = next(left)
        labels.append(label)
    return labels
