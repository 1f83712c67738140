"""What the sums must be that are kept beside the calls, by the calls themselves, and putting that in their place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import add as add_up

from msgspec.structs import astuple

from tokenguard.ledger.keeping import Rows, put_in, spans_of_hour
from tokenguard.ledger.rollup_keys import WIDTH, Key, Numbers, known_thread, narrow_key
from tokenguard.ledger.rollups import BARE, HALF_US, HALVES, HOUR, NARROW, SPELLS, Narrow, spell
from tokenguard.ledger.sums import CHARGED, KEYS, SUMMED, THREAD, Sums, per_part, per_role

Halves = tuple[dict[Key, Sums], dict[Key, Sums]]
"""What the calls of both halves of an hour add to sums, by key and thread."""

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


def put_hour(
    conn: sqlite3.Connection, hour: int, halves: Halves, numbers: Numbers, narrow: Sequence[Narrow] = NARROW
) -> None:
    """Keep these sums of an hour, in place of all that were kept, and of the narrow ones these."""
    put_in(conn, spans_of_hour(hour), of_hour(conn, hour, halves, numbers, narrow), numbers)


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
