"""A question to the ledger for sums by some keys, put to the sums that are kept and to the calls themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tokenguard.ledger.conditions import condition
from tokenguard.ledger.found import Column, Found, fetch_columns
from tokenguard.ledger.kept import KEPT_IN_SLICES, KEPT_IN_SPELLS, KEPT_OF_THREADS, named
from tokenguard.ledger.rollups import Narrow
from tokenguard.ledger.rows import fetch
from tokenguard.ledger.slices import SPANS, Piece, as_json
from tokenguard.ledger.sums import CALLS_IN_SLICES, CHARGED, THREAD, as_they_stand, per_call, per_leg, totals_by
from tokenguard.ledger.values import Where

INFERRED = "~"
"""Before a task that nobody named: what kind of work it is, by `policy.task_types`."""

OF_THREADS = {
    "session": "s.session",
    "conversation": "coalesce(s.agent_session, s.session)",
    "sub-agent": "s.subagent",
}
EXPRESSIONS = {
    **OF_THREADS,
    "repo": "s.repo",
    "worktree": "s.worktree",
    "branch": "s.branch",
    "agent": "s.agent",
    "model": "s.leg",
    "provider": "s.provider",
    "task": f"coalesce(s.task, '{INFERRED}' || s.task_type)",
    "request-class": "s.request_class",
    "billing": "s.billing",
    "origin": "s.origin",
    "confidence": "s.confidence",
}
GROUP_KEYS = tuple(EXPRESSIONS)
"""What `grouped` can group by. `model` is that of the legs: a call counts under every model that it used. A
`conversation` is what the agent itself calls a session: one that is resumed is the same."""

WHOLE = """whole (thread, number) AS MATERIALIZED (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"""
CUT = "cut (thread) AS MATERIALIZED (SELECT value FROM json_each(?))"
_OF_THREAD = ", ".join(f"nullif(t.{column}, '') AS {column}" for column in THREAD)
_THREADS_NAMED = f"(SELECT t.id, {_OF_THREAD} FROM rollup_threads AS t) AS s"
_KEYS_NAMED = "rollup_keys AS s"
_ADDED_UP = {
    KEPT_IN_SLICES: "SELECT s.slice, s.label, {} FROM {} GROUP BY s.slice << 32 | s.label",
    KEPT_OF_THREADS: "SELECT s.slice, s.label, s.thread, {} FROM {} GROUP BY s.thread << 32 | s.label",
    KEPT_IN_SPELLS: "SELECT s.slice, s.label, s.thread, {} FROM {} GROUP BY s.slice, s.thread << 32 | s.label",
}
"""What numbers, and the source of these sums, add up to by slice or thread, and by label."""
_AS_THEY_STAND = {
    KEPT_IN_SLICES: "SELECT s.slice, s.label, {} FROM {}",
    KEPT_IN_SPELLS: "SELECT s.slice, s.label, s.thread, {} FROM {}",
}
"""The same where little is to be added up: SQLite sorts what it groups, which takes as long as all else."""
SLICE = "slice"
"""The first column of `sums_in`."""
_FEW = 500
"""Sessions: where there are more, all calls of a span are read, not those of each session."""


class Asked:
    """A question to the ledger, which is put to the sums that are kept and to calls themselves."""

    def __init__(self, conn: sqlite3.Connection, keys: Sequence[str], where: Where, numbers: Sequence[str]) -> None:
        self._conn, self._keys, self._where, self._numbers = conn, keys, where, numbers
        self._by_leg = "model" in keys
        self._names = [SLICE, *keys, *numbers]

    def of_sums(
        self,
        source: str,
        tables: str,
        values: Sequence[object],
        where: Where,
        narrow: Narrow | None = None,
        *,
        single: bool = False,
    ) -> Found:
        """From the sums of a source, which needs these tables: of it, what all this holds for.

        Where a slice has a `single` one for about each label, they are not added up.
        """
        whose = [key for key in self._keys if key in OF_THREADS and source != KEPT_IN_SLICES]
        of_keys = [key for key in self._keys if key not in whose]
        keyed, held = named(where, [EXPRESSIONS[key] for key in of_keys], by_leg=self._by_leg, narrow=narrow)
        names = [SLICE, "label", *(["thread"] if source != KEPT_IN_SLICES else []), *self._numbers]
        totals = (as_they_stand if single else totals_by)(self._numbers)
        asked = (_AS_THEY_STAND if single else _ADDED_UP)[source].format(totals, source)
        found = fetch_columns(self._conn, f"WITH {tables}, {keyed}", names, asked, [*values, *held])
        told = self._told(_KEYS_NAMED, of_keys, found.column("label"))
        told |= self._told(_THREADS_NAMED, whose, found.column("thread"))
        return Found(self._names, [told[name] if name in told else found.column(name) for name in self._names])

    def of_calls(self, pieces: Sequence[Piece], sessions: Sequence[str] = ()) -> Found:
        """From the calls of these pieces themselves; only those of `sessions` if any."""
        if not pieces:
            return Found(self._names, [[] for _ in self._names])
        terms, values = condition(self._where, "c", "c")
        if sessions:
            column = "c.session" if len(sessions) <= _FEW else "+c.session"
            terms.append(f"{column} IN (SELECT value FROM json_each(?))")
            values.append(as_json(sessions))
        source = (per_leg if self._by_leg else per_call)(" AND ".join([CHARGED, *terms]), CALLS_IN_SLICES)
        by = [f"s.{SLICE}", *(EXPRESSIONS[key] for key in self._keys)]
        keyed = [f'{one} AS "{name}"' for one, name in zip(by, self._names, strict=False)]
        shown = ", ".join([*keyed, totals_by(self._numbers)])
        asked = f"SELECT {shown} FROM {source} GROUP BY {', '.join(by)}"
        return fetch_columns(self._conn, f"WITH {SPANS}", self._names, asked, [as_json(pieces), *values])

    def _told(self, source: str, keys: Sequence[str], numbers: Column) -> dict[str, Column]:
        """The values of these keys, by column, of what has these numbers in a source."""
        if not keys:
            return {}
        shown = ", ".join(["s.id", *(EXPRESSIONS[key] for key in keys)])
        asked = f"SELECT {shown} FROM {source} WHERE s.id IN (SELECT value FROM json_each(?))"
        rows = fetch(self._conn, asked, [as_json(list(set(numbers)))])
        found: dict[str, Column] = {}
        for place, key in enumerate(keys, 1):
            known = {row[0]: row[place] for row in rows}
            found[key] = [known[number] for number in numbers]
        return found
