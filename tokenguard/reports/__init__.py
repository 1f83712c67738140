"""Questions to the ledger as tables: what was spent, grouped by any keys, in any time zone.

`report` answers as the JSON of the interface; `export` and `render` show the answer. Works on any read-only connection,
daemon or not.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any

from msgspec import to_builtins

from tokenguard.errors import UsageError
from tokenguard.ledger.queries import GROUP_KEYS, INFERRED, first_charge, grouped, snapshot, totals
from tokenguard.ledger.values import Where
from tokenguard.records import Totals
from tokenguard.reports.instants import TIME_KEYS, bucket_at, instant_at

KEYS = (*TIME_KEYS, *GROUP_KEYS)
"""What a report can be grouped by."""

_Row = tuple[tuple[str | None, ...], Totals]


def report(
    conn: sqlite3.Connection,
    by: Sequence[str],
    since_us: int | None,
    until_us: int | None,
    where: Where,
    tz: tzinfo,
) -> dict[str, Any]:
    """The charges in `since_us <= started < until_us`, by any combination of `KEYS`, with their totals.

    Rows by `model` are by leg: a call counts in the row of every model that it used, and once in the total. Rows
    are ordered key by key: times ascending, others the dearest first. What is notional is no part of cost or share, but
    orders what cost the same.

    Raises `UsageError` for another key, or none.
    """
    keys = list(dict.fromkeys(by))
    if wrong := [key for key in keys if key not in KEYS]:
        raise UsageError(f'"{wrong[0]}" is not a key of reports', f"use {', '.join(KEYS)}")
    if not keys:
        raise UsageError("a report needs a key", f"use {', '.join(KEYS)}")
    with snapshot(conn):
        total = totals(conn, where, since_us, until_us)
        rows = list(_rows(conn, keys, since_us, until_us, where, tz))
    return {
        "by": keys,
        "since": _instant(since_us, tz),
        "until": _instant(until_us, tz),
        "rows": [
            {
                **dict(zip(keys, labels, strict=True)),
                **_marks(keys, labels),
                **_sums(sums),
                "token_share": _share(sums.usage.total, total.usage.total),
                "spend_share": _share(sums.cost_nanos, total.cost_nanos),
            }
            for labels, sums in _ordered(keys, rows)
        ],
        "total": _sums(total),
    }


def _rows(
    conn: sqlite3.Connection,
    keys: list[str],
    since_us: int | None,
    until_us: int | None,
    where: Where,
    tz: tzinfo,
) -> Iterator[_Row]:
    """The labels of each row, in the order of `keys`, and its sums."""
    others = [key for key in keys if key in GROUP_KEYS]
    for times, start_us, end_us in _slices(conn, [key for key in keys if key in TIME_KEYS], since_us, until_us, tz):
        for group in grouped(conn, others, where, start_us, end_us):
            labels = {**times, **dict(zip(others, group.key, strict=True))}
            yield tuple(labels[key] for key in keys), group.totals


def _slices(
    conn: sqlite3.Connection, keys: list[str], since_us: int | None, until_us: int | None, tz: tzinfo
) -> Iterator[tuple[dict[str, str], int | None, int | None]]:
    """The span cut where a time key changes, without the slices in which nothing was charged; with their labels."""
    if not keys:
        yield {}, since_us, until_us
        return
    while (first_us := first_charge(conn, since_us, until_us)) is not None:
        buckets = {key: bucket_at(key, first_us, tz) for key in keys}
        # Nothing was charged between the last slice and this one; whole hours are summed up already.
        begin_us, since_us = since_us, min(bucket.end_us for bucket in buckets.values())
        end_us = since_us if until_us is None else min(since_us, until_us)
        yield {key: bucket.label for key, bucket in buckets.items()}, begin_us, end_us


def _ordered(keys: list[str], rows: list[_Row]) -> list[_Row]:
    """Ordered key by key: times as they come, others by the sum of all that they hold, the dearest first."""
    costs: Counter[tuple[str | None, ...]] = Counter()
    notional: Counter[tuple[str | None, ...]] = Counter()
    arrivals: dict[tuple[str, str | None], int] = {}
    for labels, sums in rows:
        for at, column in enumerate(zip(keys, labels, strict=True)):
            costs[labels[: at + 1]] += sums.cost_nanos
            notional[labels[: at + 1]] += sums.notional_nanos
            arrivals.setdefault(column, len(arrivals))

    def order(row: _Row) -> list[tuple[int, int, str]]:
        labels, _ = row
        return [
            (arrivals[key, label], 0, "")
            if key in TIME_KEYS
            else (-costs[labels[: at + 1]], -notional[labels[: at + 1]], label or "")
            for at, (key, label) in enumerate(zip(keys, labels, strict=True))
        ]

    return sorted(rows, key=order)


def _sums(sums: Totals) -> dict[str, Any]:
    return {
        "calls": sums.calls,
        "usage": to_builtins(sums.usage),
        "cost_nanos": sums.cost_nanos,
        "cost_low_nanos": sums.cost_nanos - sums.below_nanos,
        "cost_high_nanos": sums.cost_nanos + sums.above_nanos,
        "notional_nanos": sums.notional_nanos,
        "confidence": sums.confidence.value,
        "unpriced": sums.unpriced,
    }


def _marks(keys: list[str], labels: tuple[str | None, ...]) -> dict[str, bool]:
    """Whether nobody named the task of a row, and it is the kind of work that was inferred."""
    if "task" not in keys:
        return {}
    return {"task_inferred": (labels[keys.index("task")] or "").startswith(INFERRED)}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _instant(at_us: int | None, tz: tzinfo) -> str | None:
    return None if at_us is None else instant_at(at_us, tz)
