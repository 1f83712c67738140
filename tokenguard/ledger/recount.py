"""What the sums must be that are kept beside the calls, by the calls themselves, and putting that in their place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import add as add_up

from msgspec.structs import astuple

from tokenguard.ledger.rollup_keys import (
    COLUMNS,
    WIDTH,
    Key,
    Numbers,
    known_thread,
    narrow_key,
)
from tokenguard.ledger.rollups import BARE, HALF_US, HALVES, HOUR, NARROW, SPELLS, THREADS, Coarse, Narrow, spell
from tokenguard.ledger.sums import CHARGED, KEYS, SUMS, THREAD, Sums, per_part, per_role

Halves = tuple[dict[Key, Sums], dict[Key, Sums]]
"""What the calls of both halves of an hour add to sums, by key and thread."""
Rows = dict[tuple[int, int], dict[Key, Sums]]
"""Sums by size and start, and by key."""
Span = tuple[int, int, int]
"""A size, and the first `start` and the end of sums of it."""

SUMMED = ", ".join(f"sum(s.{name})" for name in SUMS)
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
_ENDED = f"SELECT id, {', '.join(THREAD)} FROM rollup_threads WHERE last = ?"
_IN_THREAD = "c.session = ? AND coalesce(c.agent_session, '') = ? AND coalesce(c.subagent_type, c.subagent, '') = ?"
_GROUPED = ", ".join(f"s.{column}" for column in (*KEYS, "leg"))
_WHOSE = ", ".join(f"s.{column}" for column in THREAD)


def of_calls(conn: sqlite3.Connection, condition: str, values: Sequence[object]) -> dict[Key, Sums]:
    """What the calls for which this holds add to sums, by key and thread."""
    charged, by = f"{CHARGED} AND {condition}", f"{_GROUPED}, {_WHOSE}"
    whole = f"SELECT {_GROUPED}, s.role, {_WHOSE}, {SUMMED} FROM {per_role(charged)} GROUP BY {by}, s.role"
    parts = f"SELECT {_GROUPED}, 'part', {_WHOSE}, {SUMMED} FROM {per_part(charged)} GROUP BY {by}"
    rows = [*conn.execute(whole, values), *conn.execute(parts, values)]
    width = WIDTH + len(THREAD)
    return {row[:width]: Sums(*row[width:]) for row in rows}


def of_halves(conn: sqlite3.Connection, hour: int) -> Halves:
    """What the calls of an hour add to sums."""
    first, second = (
        of_calls(conn, "c.started_us >= ? AND c.started_us < ?", [half * HALF_US, (half + 1) * HALF_US])
        for half in (hour * HALVES, hour * HALVES + 1)
    )
    return first, second


def threads_of(conn: sqlite3.Connection, hour: int) -> list[tuple[int, dict[Key, Sums]]]:
    """The threads whose last call was in this hour: their numbers, and the sums of their calls."""
    found = conn.execute(_ENDED, (hour,)).fetchall()
    return [(thread, _together(of_calls(conn, _IN_THREAD, whose).items(), _in_all)) for thread, *whose in found]


def of_hour(
    conn: sqlite3.Connection,
    hour: int,
    halves: Halves,
    numbers: Numbers | None = None,
    narrow: Sequence[Narrow] = NARROW,
) -> Rows:
    """The sums of an hour, its halves, and its threads, as they must be kept, and these narrow ones.

    A thread that has no number has none here, if it is not given one of these.
    """
    every = [pair for half in halves for pair in half.items()]
    rows = {(HOUR, hour): _together(every, _in_all)}
    for one in narrow:
        of_units = [every] if one.units == 1 else [half.items() for half in halves]
        for start, found in enumerate(of_units, hour * one.units):
            rows[one.size, start] = together(found, one)
    for whose, sums in by_thread(every).items():
        thread = numbers.thread_of(whose, hour) if numbers else known_thread(conn, whose) or 0
        rows[SPELLS, spell(hour, thread)] = sums
    return {place: sums for place, sums in rows.items() if sums}


def kept_of_hour(conn: sqlite3.Connection, hour: int) -> Rows:
    """The sums of an hour, its halves, and its threads, as they are kept."""
    return kept_in(conn, _of_hour(hour))


def kept_in(conn: sqlite3.Connection, spans: Iterable[Span]) -> Rows:
    """The sums that are kept in these spans."""
    found: Rows = {}
    for size, start, end in spans:
        for at, *row in conn.execute(_STORED, (size, start, end)):
            found.setdefault((size, at), {})[tuple(row[:WIDTH])] = Sums(*row[WIDTH:])
    return found


def put_hour(
    conn: sqlite3.Connection, hour: int, halves: Halves, numbers: Numbers, narrow: Sequence[Narrow] = NARROW
) -> None:
    """Keep these sums of an hour, in place of all that were kept, and of the narrow ones these."""
    put_in(conn, _of_hour(hour), of_hour(conn, hour, halves, numbers, narrow), numbers)


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


def add_threads(conn: sqlite3.Connection, hour: int, halves: Halves, numbers: Numbers) -> None:
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


def _of_hour(hour: int) -> tuple[Span, ...]:
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


def _in_all(key: Key) -> Key:
    return key[:WIDTH]


def by_thread(found: Iterable[tuple[Key, Sums]]) -> dict[Key, dict[Key, Sums]]:
    """The same sums by bare keys, of each thread."""
    pairs: dict[Key, list[tuple[Key, Sums]]] = {}
    for key, sums in found:
        pairs.setdefault(key[WIDTH:], []).append((key, sums))
    return {whose: together(of_thread, BARE) for whose, of_thread in pairs.items()}


def together(found: Iterable[tuple[Key, Sums]], narrow: Narrow) -> dict[Key, Sums]:
    """The same sums by narrow keys."""
    return _together(found, partial(_narrowed, narrow))


def _narrowed(narrow: Narrow, key: Key) -> Key | None:
    return narrow_key(key[:WIDTH], narrow)


def _together(found: Iterable[tuple[Key, Sums]], narrowed: Callable[[Key], Key | None]) -> dict[Key, Sums]:
    """The same sums, without telling apart what the narrower keys do not; without those that have none."""
    sums: dict[Key, list[int]] = {}
    for key, numbers in found:
        narrow = narrowed(key)
        if narrow is not None:
            known = sums.get(narrow)
            sums[narrow] = [*astuple(numbers)] if known is None else [*map(add_up, known, astuple(numbers))]
    return {key: Sums(*numbers) for key, numbers in sums.items()}
