"""Questions to the ledger as tables: what was spent, grouped by any keys, in any time zone.

`report` answers as the JSON of the interface; `export` and `render` show the answer. Works on any read-only connection,
daemon or not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from tokenguard.errors import UsageError
from tokenguard.ledger.queries import (
    FOREVER_US,
    INFERRED,
    SLICE,
    first_charge,
    hours,
    last_charge,
    snapshot,
    sums_in,
    without_what_all_hold,
    worked_in,
)
from tokenguard.ledger.values import Where
from tokenguard.records import Totals
from tokenguard.reports.apart import apart, drifts
from tokenguard.reports.columns import Columns, at, each
from tokenguard.reports.cuts import HOUR_US, Cuts, blocks_of, cut
from tokenguard.reports.instants import instant_at
from tokenguard.reports.keys import BESIDE, CUTTING, KEYS, STORED
from tokenguard.reports.lengths import LENGTHS, Conversations
from tokenguard.reports.ordering import Labels, folded, ordered
from tokenguard.reports.rows import Rows, numbers_in, rows_of, sums, told

if TYPE_CHECKING:
    from tokenguard.reports.commits import Committed

__all__ = ["KEYS", "report"]

_MONTH_US = 31 * 86_400_000_000
"""How far back the first block of a report can have been shifted by those before it: somebody pauses for five hours."""


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
    are ordered key by key: times and lengths ascending, others the dearest first. What is notional is no part of cost
    or share, but orders what cost the same.

    Raises `UsageError` for another key, or none.
    """
    keys = list(dict.fromkeys(by))
    if wrong := [key for key in keys if key not in KEYS]:
        raise UsageError(f'"{wrong[0]}" is not a key of reports', f"use {', '.join(KEYS)}")
    if not keys:
        raise UsageError("a report needs a key", f"use {', '.join(KEYS)}")
    with snapshot(conn):
        of = without_what_all_hold(conn, where)
        asked = _Asked(conn, keys, since_us, until_us, of, tz)
        parts = apart(conn, of, since_us, until_us)
        total = sum(parts.values(), Totals())
        return {
            "by": keys,
            "since": _instant(since_us, tz),
            "until": _instant(until_us, tz),
            "rows": asked.rows(total),
            "total": sums(total),
            "apart": {name: sums(totals) for name, totals in parts.items()},
            **({"drift": drifts(conn, where, since_us, until_us)} if "origin" in keys else {}),
        }


class _Asked:
    """One question to the ledger."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        keys: list[str],
        since_us: int | None,
        until_us: int | None,
        where: Where,
        tz: tzinfo,
    ) -> None:
        self._conn, self._keys, self._where, self._tz = conn, keys, where, tz
        self._span = (since_us, until_us)
        self._places = {"length": {length: place for place, length in enumerate(LENGTHS)}}
        self._conversations = Conversations(conn, where, since_us, until_us) if "length" in keys else None
        self._committed: Committed | None = None
        stored = [key for key in keys if key in STORED]
        self._stored = [*dict.fromkeys([*stored, *(beside for key in keys for beside in BESIDE.get(key, ()))])]

    def rows(self, whole: Totals) -> Rows:
        """The rows in the order of the keys, with their shares of the whole."""
        slices, numbers = self._slices(), numbers_in(whole)
        found = sums_in(self._conn, self._stored, self._where, slices.spans, numbers)
        labels, found = folded(self._labels(slices, found.column), found, len(numbers))
        order = ordered(labels, map(found.column, ("cost_nanos", "notional_nanos")), self._places)
        named = at(labels, order)
        return rows_of({**named, **self._about(named)}, found.at(order), whole)

    def _labels(self, slices: Cuts, read: Callable[[str], Sequence[Any]]) -> Labels:
        """What each of the sums that are `read` by column is called."""
        numbers: Sequence[int] = read(SLICE)
        labels: dict[str, Sequence[str | None]] = {}
        for key in self._keys:
            if key in CUTTING:
                names = slices.labels.get(key, [])
                distinct = dict.fromkeys(name or "" for name in names)
                self._places[key] = dict(zip(distinct, range(len(distinct)), strict=True))
                labels[key] = [names[number] for number in numbers]
            elif self._conversations is not None and key == "length":
                labels[key] = each(self._conversations.length, read("conversation"))
            elif self._committed is not None and key == "commit":
                begins = [slices.spans[number][0] for number in numbers]
                places = list(zip(read("repo"), read("branch"), read("worktree"), strict=True))
                labels[key] = self._committed.each_next(places, begins)
            else:
                labels[key] = read(key)
        return labels

    def _slices(self) -> Cuts:
        """The span, cut where a key that goes by time changes; nothing where there are no charges."""
        cutting = [key for key in self._keys if key in CUTTING]
        first, last = first_charge(self._conn, *self._span), last_charge(self._conn, *self._span)
        since_us, until_us = self._span
        if first is None or last is None:
            return Cuts()
        # From the beginning of an hour on, where the report allows it: whole hours are summed up already.
        begin_us = max(since_us or 0, first // HOUR_US * HOUR_US)
        span = (begin_us, last + 1 if until_us is None else min(until_us, last + 1))
        edges: list[int] = []
        if "commit" in self._keys:
            from tokenguard.reports.commits import Committed

            whole = (since_us or 0, FOREVER_US if until_us is None else until_us)
            self._committed = Committed(self._conn, worked_in(self._conn, self._where, *whole), begin_us)
            edges = list(self._committed.edges())
        if cutting or edges:
            return cut(cutting, span, self._tz, self._blocks(span), edges)
        return Cuts([(since_us or 0, FOREVER_US if until_us is None else until_us)])

    def _blocks(self, span: tuple[int, int]) -> list[int]:
        if "block" not in self._keys:
            return []
        return blocks_of(hours(self._conn, self._where, max(0, span[0] - _MONTH_US), span[1]))

    def _about(self, named: Columns) -> Columns:
        """What rows tell besides their labels and sums."""
        found: dict[str, Sequence[Any]] = {}
        if "task" in named:
            # Nobody named it: it is the kind of work that was inferred.
            found["task_inferred"] = each(lambda task: (task or "").startswith(INFERRED), named["task"])
        if "commit" in named:
            # Without calls nothing is known of commits.
            committed = self._committed
            commits = [committed.about(hash, self._tz) for hash in named["commit"]] if committed else []
            found |= told("commit", commits)
        if self._conversations is not None and self._keys == ["length"]:
            found |= told("length", map(self._conversations.of_length, named["length"]))
        return found


def _instant(at_us: int | None, tz: tzinfo) -> str | None:
    return None if at_us is None else instant_at(at_us, tz)
