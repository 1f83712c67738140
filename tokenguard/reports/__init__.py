"""Questions to the ledger as tables: what was spent, grouped by any keys, in any time zone.

`report` answers as the JSON of the interface; `export` and `render` show the answer. Works on any read-only connection,
daemon or not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from tokenguard.errors import UsageError
from tokenguard.ledger.queries import INFERRED, first_charge, grouped, grouped_in, hours, last_charge, snapshot
from tokenguard.ledger.values import Where
from tokenguard.records import Totals
from tokenguard.reports.apart import apart, drifts
from tokenguard.reports.cuts import HOUR_US, Cut, blocks_of, cut
from tokenguard.reports.instants import instant_at
from tokenguard.reports.keys import BESIDE, CUTTING, KEYS, STORED
from tokenguard.reports.lengths import LENGTHS, Conversations
from tokenguard.reports.ordering import Labels, ordered
from tokenguard.reports.rows import shares, sums

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
        asked = _Asked(conn, keys, since_us, until_us, where, tz)
        parts = apart(conn, where, since_us, until_us)
        total = sum(parts.values(), Totals())
        return {
            "by": keys,
            "since": _instant(since_us, tz),
            "until": _instant(until_us, tz),
            "rows": [
                {
                    **dict(zip(keys, labels, strict=True)),
                    **asked.about(labels),
                    **sums(totals),
                    **shares(totals, total),
                }
                for labels, totals in asked.rows()
            ],
            "total": sums(total),
            "apart": {name: sums(totals) for name, totals in parts.items()},
            **({"drift": drifts(conn, where, since_us, until_us)} if "origin" in keys else {}),
        }


class _Asked:
    """One question to the ledger."""

    _telling = frozenset(("task", "commit", "length"))
    """Keys of whose rows there is more to tell."""

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
        self._places = {"length": {length: at for at, length in enumerate(LENGTHS)}}
        self._conversations = Conversations(conn, where, since_us, until_us) if "length" in keys else None
        self._committed: Committed | None = None
        stored = [key for key in keys if key in STORED]
        self._stored = [*dict.fromkeys([*stored, *(beside for key in keys for beside in BESIDE.get(key, ()))])]

    def rows(self) -> list[tuple[Labels, Totals]]:
        """The labels of each row, in the order of the keys, and its sums."""
        found: dict[Labels, Totals] = {}
        slices = self._slices()
        if slices is None:
            for group in grouped(self._conn, self._stored, self._where, *self._span):
                self._add({}, 0, group.key, group.totals, found)
            return ordered(found, self._keys, self._places)
        for one in slices:
            for key, label in one.labels.items():
                self._places.setdefault(key, {}).setdefault(label or "", len(self._places[key]))
        spans = [(one.since_us, one.until_us) for one in slices]
        for number, group in grouped_in(self._conn, self._stored, self._where, spans):
            self._add(slices[number].labels, spans[number][0], group.key, group.totals, found)
        return ordered(found, self._keys, self._places)

    def _slices(self) -> list[Cut] | None:
        """The span, cut where a key that goes by time changes; None if none does."""
        cutting = [key for key in self._keys if key in CUTTING]
        first, last = first_charge(self._conn, *self._span), last_charge(self._conn, *self._span)
        if first is None or last is None:
            return None
        since_us, until_us = self._span
        # From the beginning of an hour on, where the report allows it: whole hours are summed up already.
        begin_us = max(since_us or 0, first // HOUR_US * HOUR_US)
        span = (begin_us, last + 1 if until_us is None else min(until_us, last + 1))
        edges: list[int] = []
        if "commit" in self._keys:
            from tokenguard.reports.commits import Committed

            places = grouped(self._conn, ["repo", "branch", "worktree"], self._where, *self._span)
            self._committed = Committed(self._conn, (group.key for group in places), begin_us)
            edges = list(self._committed.edges())
        return cut(cutting, span, self._tz, self._blocks(span), edges) if cutting or edges else None

    def _blocks(self, span: tuple[int, int]) -> list[int]:
        if "block" not in self._keys:
            return []
        return blocks_of(hours(self._conn, self._where, max(0, span[0] - _MONTH_US), span[1]))

    def _add(
        self,
        times: dict[str, str | None],
        at_us: int,
        key: Labels,
        totals: Totals,
        found: dict[Labels, Totals],
    ) -> None:
        labels = dict(zip(self._stored, key, strict=True)) | times
        if self._conversations is not None:
            labels["length"] = self._conversations.length(labels["conversation"])
        if self._committed is not None:
            labels["commit"] = self._committed.next(labels["repo"], labels["branch"], labels["worktree"], at_us)
        row = tuple(map(labels.__getitem__, self._keys))
        found[row] = found[row] + totals if row in found else totals

    def about(self, labels: Labels) -> dict[str, Any]:
        """What a row tells besides its labels and sums."""
        told: dict[str, Any] = {}
        if self._telling.isdisjoint(self._keys):
            return told
        named = dict(zip(self._keys, labels, strict=True))
        if "task" in named:
            # Nobody named it: it is the kind of work that was inferred.
            told["task_inferred"] = (named["task"] or "").startswith(INFERRED)
        if self._committed is not None:
            told |= self._committed.about(named["commit"], self._tz)
        if self._conversations is not None and self._keys == ["length"]:
            told |= self._conversations.of_length(named["length"])
        return told


def _instant(at_us: int | None, tz: tzinfo) -> str | None:
    return None if at_us is None else instant_at(at_us, tz)
