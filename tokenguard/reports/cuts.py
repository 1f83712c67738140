"""The time of a report, cut wherever one of its keys changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from tokenguard.reports.instants import TIME_KEYS, bucketed

HOUR_US = 3_600_000_000
BLOCK_US = 5 * HOUR_US
"""Claude's and Codex' short windows last so long."""

_Run = tuple[Sequence[str | None], list[int]]
"""What the parts of the time are called by a key, and their ends."""


class Cuts(Struct, frozen=True):
    """Spans that follow each other, in none of which a key changes."""

    spans: Sequence[tuple[int, int]] = ()
    labels: Mapping[str, Sequence[str | None]] = {}
    """What each of the spans is called, by the keys that go by time."""


def cut(
    keys: Iterable[str], span: tuple[int, int], tz: tzinfo, blocks: Sequence[int] = (), edges: Iterable[int] = ()
) -> Cuts:
    """The span, cut by the time keys, where any of the `blocks` begin or end, and at the other `edges`."""
    since_us, until_us = span
    runs: dict[str, _Run] = {}
    for key in keys:
        if key in TIME_KEYS:
            runs[key] = bucketed(key, since_us, until_us, tz)
        elif key == "block":
            runs[key] = _blocks(blocks, since_us, until_us, tz)
    if since_us < until_us:
        for _, run in runs.values():
            run[-1] = until_us
    inner = {edge for edge in edges if since_us < edge < until_us}
    if len(runs) == 1 and not inner:
        ((key, (labels, ends)),) = runs.items()
        return Cuts(_spans(since_us, ends), {key: labels})
    inner.update([until_us] if since_us < until_us else [], *(run for _, run in runs.values()))
    ends = sorted(inner)
    return Cuts(_spans(since_us, ends), {key: _spread(run, ends) for key, run in runs.items()})


def blocks_of(hours: Iterable[int]) -> list[int]:
    """When blocks begin, by the hours in which there was a charge, in order.

    One begins with the hour of the first call after the one before it has ended.
    """
    begins: list[int] = []
    for hour in hours:
        if not begins or hour >= begins[-1] + BLOCK_US:
            begins.append(hour)
    return begins


def _spans(since_us: int, ends: Sequence[int]) -> Sequence[tuple[int, int]]:
    """Those that begin there, and end there."""
    return list(zip([since_us, *ends], ends, strict=False))


def _blocks(begins: Sequence[int], since_us: int, until_us: int, tz: tzinfo) -> _Run:
    """The blocks of a span, and the pauses between them."""
    labels: list[str | None] = []
    ends: list[int] = []
    for begin in begins:
        if begin + BLOCK_US <= since_us or begin >= until_us:
            continue
        if since_us < begin:
            labels.append(None)
            ends.append(begin)
        since_us = min(begin + BLOCK_US, until_us)
        labels.append(datetime.fromtimestamp(begin // 1_000_000, tz).isoformat(timespec="minutes"))
        ends.append(since_us)
    if since_us < until_us:
        labels.append(None)
        ends.append(until_us)
    return labels, ends


def _spread(run: _Run, ends: Sequence[int]) -> list[str | None]:
    """What each of the spans that end there is called."""
    labels: list[str | None] = []
    left = zip(*run, strict=True)
    label, until_us = next(left, (None, 0))
    for end in ends:
        if end > until_us:
            label, until_us = next(left)
        labels.append(label)
    return labels
