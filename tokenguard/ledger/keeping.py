"""Sums as they are kept beside the calls: read, put in the place of others, and summed up from finer ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from msgspec.structs import astuple

from tokenguard.ledger.rollup_keys import COLUMNS, WIDTH, Key, Numbers
from tokenguard.ledger.rollups import HOUR, NARROW, SPELLS, THREADS, Coarse, Narrow, spell
from tokenguard.ledger.sums import SUMMED, SUMS, Sums

Rows = dict[tuple[int, int], dict[Key, Sums]]
"""Sums by size and start, and by key."""
Span = tuple[int, int, int]
"""A size, and the first `start` and the end of sums of it."""

_KEY = ", ".join(f"k.{column}" for column in COLUMNS)
_STORED = f"""SELECT s.start, {_KEY}, {", ".join(f"s.{name}" for name in SUMS)}
    FROM rollups AS s CROSS JOIN rollup_keys AS k ON k.id = s.key WHERE s.size = ? AND s.start >= ? AND s.start < ?"""
_ADDED = f"""SELECT {_KEY}, {SUMMED}
    FROM rollups AS s CROSS JOIN rollup_keys AS k ON k.id = s.key WHERE s.size = ? AND s.start >= ? AND s.start < ?
    GROUP BY {_KEY}"""
_PUT = f"INSERT INTO rollups (size, start, key, {', '.join(SUMS)}) VALUES (?, ?, ?, {', '.join('?' for _ in SUMS)})"
_ADD_TO_THREAD = f"""{_PUT} ON CONFLICT (size, start, key)
    DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)}"""
_COARSEN = f"""INSERT INTO rollups (size, start, key, {", ".join(SUMS)})
    SELECT ?, ?, s.key, {SUMMED} FROM rollups AS s WHERE s.size = ? AND s.start >= ? AND s.start < ?
    GROUP BY s.key"""
_NARROW = f"""INSERT INTO rollups (size, start, key, {", ".join(SUMS)})
    SELECT ?, s.start, k.{{0}}, {SUMMED} FROM rollups AS s CROSS JOIN rollup_keys AS k ON k.id = s.key
    WHERE s.size = {HOUR} AND s.start >= ? AND s.start < ? AND k.{{0}} IS NOT NULL GROUP BY s.start, k.{{0}}"""
_CLEAR = "DELETE FROM rollups WHERE size = ? AND start >= ? AND start < ?"


def kept_of_hour(conn: sqlite3.Connection, hour: int) -> Rows:
    """The sums of an hour, its halves, and its threads, as they are kept."""
    return kept_in(conn, spans_of_hour(hour))


def kept_in(conn: sqlite3.Connection, spans: Iterable[Span]) -> Rows:
    """The sums that are kept in these spans."""
    found: Rows = {}
    for size, start, end in spans:
        for at, *row in conn.execute(_STORED, (size, start, end)):
            found.setdefault((size, at), {})[tuple(row[:WIDTH])] = Sums(*row[WIDTH:])
    return found


def put_in(conn: sqlite3.Connection, spans: Iterable[Span], rows: Rows, numbers: Numbers) -> None:
    """Keep these sums in these spans, in place of all that were kept in them."""
    for span in spans:
        conn.execute(_CLEAR, span)
    for (size, start), sums in rows.items():
        _put(conn, size, start, sums, numbers, narrow=size != HOUR)


def stored(conn: sqlite3.Connection, size: int, start: int, end: int) -> dict[Key, Sums]:
    """The sums that are kept of a span, added up by key."""
    return {row[:WIDTH]: Sums(*row[WIDTH:]) for row in conn.execute(_ADDED, (size, start, end))}


def agrees(conn: sqlite3.Connection, coarse: Coarse, hour: int) -> bool:
    """Whether sums are those that they sum up."""
    span = _span(coarse, hour)
    return stored(conn, coarse.size, *span) == stored(conn, coarse.of, *span)


def put_coarse(conn: sqlite3.Connection, coarse: Coarse, hour: int) -> None:
    """Sum up what an hour is part of, in place of the sums that were kept of it."""
    start, end = _span(coarse, hour)
    conn.execute(_CLEAR, (coarse.size, start, end))
    conn.execute(_COARSEN, (coarse.size, start, coarse.of, start, end))


def put_narrow(conn: sqlite3.Connection, narrow: Narrow, first: int, end: int) -> None:
    """Keep narrow sums of whole hours, by the sums that are kept of these, in place of those that were kept."""
    conn.execute(_CLEAR, (narrow.size, first, end))
    conn.execute(_NARROW.format(narrow.number), (narrow.size, first, end))


def put_thread(conn: sqlite3.Connection, thread: int, found: dict[Key, Sums]) -> None:
    """Keep these sums of a thread, in place of those that were kept."""
    conn.execute(_CLEAR, (THREADS, thread, thread + 1))
    _put(conn, THREADS, thread, found, Numbers(conn))


def add_threads(conn: sqlite3.Connection, hour: int, halves: Sequence[dict[Key, Sums]], numbers: Numbers) -> None:
    """Add these sums of an hour to those of the threads."""
    rows = (
        (THREADS, numbers.thread_of(key[WIDTH:], hour), numbers.names_of(key[:WIDTH])[0], *astuple(sums))
        for half in halves
        for key, sums in half.items()
    )
    # Not one by one as they are found: looking a number up may write.
    conn.executemany(_ADD_TO_THREAD, list(rows))


def _span(coarse: Coarse, hour: int) -> tuple[int, int]:
    start = coarse.start(hour)
    return start, start + coarse.hours * coarse.units


def spans_of_hour(hour: int) -> tuple[Span, ...]:
    """All that is kept of an hour alone."""
    return (
        (HOUR, hour, hour + 1),
        (SPELLS, spell(hour, 0), spell(hour + 1, 0)),
        *((narrow.size, hour * narrow.units, (hour + 1) * narrow.units) for narrow in NARROW),
    )


def _put(
    conn: sqlite3.Connection, size: int, start: int, found: dict[Key, Sums], numbers: Numbers, *, narrow: bool = False
) -> None:
    def number(key: Key) -> int:
        return numbers.name_of(key) if narrow else numbers.names_of(key)[0]

    conn.executemany(_PUT, [(size, start, number(key), *astuple(sums)) for key, sums in found.items()])
