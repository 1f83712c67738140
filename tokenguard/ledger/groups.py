"""What was charged, grouped by what tells calls apart, over a span or over many. See `tokenguard.ledger.queries`."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct, json

from tokenguard.ledger.charges import ALL, ask, totals_of
from tokenguard.ledger.rollups import CALLS, HOUR_US, kept_in_slices, kept_of_threads, pieces
from tokenguard.ledger.rows import Row, fetch
from tokenguard.ledger.sums import CALLS_IN_SLICES, CHARGED, THREAD, TOTALS, condition, per_call, per_leg
from tokenguard.ledger.values import Where
from tokenguard.records import Totals

INFERRED = "~"
"""Before a task that nobody named: what kind of work it is, by `policy.task_types`."""

_OF_THREADS = {
    "session": "s.session",
    "conversation": "coalesce(s.agent_session, s.session)",
    "sub-agent": "s.subagent",
}
_KEYS = {
    **_OF_THREADS,
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
GROUP_KEYS = tuple(_KEYS)
"""What `grouped` can group by. `model` is that of the legs: a call counts under every model that it used. A
`conversation` is what the agent itself calls a session: one that is resumed is the same."""

_SLICES = """slices (number, since, until, size) AS MATERIALIZED (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
        json_extract(value, '$[3]') FROM json_each(?))"""
_WHOLE = """whole (thread, number) AS MATERIALIZED (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"""
_AT_ONCE = 100
"""Spans of which the groups are sorted together: fewer rows are sorted faster."""
_FEW = 500
"""Sessions: where there are more, all calls of a span are read, not those of each session."""

_Piece = tuple[int, int, int, int]
"""The number of a slice, and of a piece of it the two ends and the size."""

_FOREVER = (0, 2**62 // HOUR_US * HOUR_US)


class Group(Struct, frozen=True):
    """The sums over the calls that share the values of some keys; None where a call has no such value."""

    key: tuple[str | None, ...]
    totals: Totals


def grouped(
    conn: sqlite3.Connection,
    keys: Sequence[str],
    where: Where = ALL,
    since_us: int | None = None,
    until_us: int | None = None,
) -> list[Group]:
    """The sums over charges by `keys`, of `GROUP_KEYS`, in no particular order. Without keys, one group or none."""
    if _by_thread(keys, where):
        first, last = _FOREVER
        span = (first if since_us is None else since_us, last if until_us is None else until_us)
        return [group for _, group in grouped_in(conn, keys, where, [span])]
    columns = "".join(f"{_KEYS[key]}, " for key in keys)
    grouping = f" GROUP BY {', '.join(_KEYS[key] for key in keys)}" if keys else " HAVING count(*) > 0"
    rows = ask(conn, columns + TOTALS, where, since_us, until_us, by_leg="model" in keys, grouping=grouping)
    return [Group(key, sums) for key, sums in _folded(rows, len(keys)).items()]


def grouped_in(
    conn: sqlite3.Connection, keys: Sequence[str], where: Where, slices: Sequence[tuple[int, int]]
) -> list[tuple[int, Group]]:
    """`grouped` of each of these spans, which ascend and do not overlap, with its place among them."""
    columns = ", ".join(["s.slice", *(_KEYS[key] for key in keys)])
    asked = f"SELECT {columns}, {TOTALS} FROM %s GROUP BY {columns}"
    by_leg = "model" in keys
    rows: list[Row] = []
    numbered = [(number, *span, CALLS) for number, span in enumerate(slices)]
    if (where.session, where.family) != (None, None):
        rows += _of_calls(conn, asked, where, numbered, by_leg=by_leg)
    elif _by_thread(keys, where):
        whole, sessions = _threads(conn, slices)
        source, values = kept_of_threads(where, by_leg=by_leg)
        rows += fetch(conn, f"WITH {_WHOLE} {asked % source}", [_as_json(whole), *values])
        if sessions:
            rows += _of_calls(conn, asked, where, numbered, by_leg=by_leg, sessions=sessions)
    else:
        hours, rest = _in_pieces(slices)
        source, values = kept_in_slices(where, by_leg=by_leg)
        sql = f"WITH {_SLICES} {asked % source}"
        for at in range(0, len(hours), _AT_ONCE):
            rows += fetch(conn, sql, [_as_json(hours[at : at + _AT_ONCE]), *values])
        if rest:
            rows += _of_calls(conn, asked, where, rest, by_leg=by_leg)
    return [(key[0], Group(key[1:], sums)) for key, sums in _folded(rows, len(keys) + 1).items()]


def _of_calls(
    conn: sqlite3.Connection,
    asked: str,
    where: Where,
    slices: Sequence[_Piece],
    *,
    by_leg: bool,
    sessions: Sequence[str] = (),
) -> list[Row]:
    """What is asked for, from the calls of these pieces themselves; only those of `sessions` if any."""
    terms, values = condition(where, "c", "c")
    if sessions:
        column = "c.session" if len(sessions) <= _FEW else "+c.session"
        terms.append(f"{column} IN (SELECT value FROM json_each(?))")
        values.append(_as_json(sessions))
    source = (per_leg if by_leg else per_call)(" AND ".join([CHARGED, *terms]), CALLS_IN_SLICES)
    return fetch(conn, f"WITH {_SLICES} {asked % source}", [_as_json(slices), *values])


def _by_thread(keys: Sequence[str], where: Where) -> bool:
    return not _OF_THREADS.keys().isdisjoint(keys) or any(name in THREAD for name, _ in where.match)


def _threads(conn: sqlite3.Connection, slices: Sequence[tuple[int, int]]) -> tuple[list[tuple[int, int]], list[str]]:
    """(thread, slice) of the sessions that are in one slice as a whole, and the other sessions that are in any."""
    begins = [since_us for since_us, _ in slices]
    whole: list[tuple[str, int, int]] = []
    cut: set[str] = set()
    for thread, session, first, last in fetch(conn, "SELECT id, session, first, last FROM rollup_threads", []):
        first_us, end_us = first * HOUR_US, (last + 1) * HOUR_US
        number = bisect_right(begins, first_us) - 1
        if number >= 0 and end_us <= slices[number][1]:
            whole.append((session, thread, number))
        elif end_us > begins[0] and first_us < slices[-1][1]:
            cut.add(session)
    return [(thread, number) for session, thread, number in whole if session not in cut], sorted(cut)


def _in_pieces(slices: Sequence[tuple[int, int]]) -> tuple[list[_Piece], list[_Piece]]:
    """What sums are kept of in each slice, and the rest, of which calls are read."""
    found: tuple[list[_Piece], list[_Piece]] = ([], [])
    for number, span in enumerate(slices):
        for piece in pieces(*span):
            found[piece.size == CALLS].append((number, piece.since or 0, piece.until or 0, piece.size))
    return found


def _folded(rows: Iterable[Row], keys: int) -> dict[Row, Totals]:
    """The sums by the first columns, put together where they come from several places."""
    found: dict[Row, Totals] = {}
    for row in rows:
        key, sums = row[:keys], totals_of(row[keys:])
        found[key] = found[key] + sums if key in found else sums
    return found


def _as_json(value: object) -> str:
    return json.encode(value).decode()
