"""Summing up a ledger that has no sums yet, or not all of today's: in parts, each in a transaction of its own.

What is left stands in the ledger (`tokenguard.ledger.due`): whoever is stopped halfway goes on there, and nobody reads
any sums before all are made; those by the hours of a phase are made last, and all others can be read before they are.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator

from msgspec.structs import astuple, replace

from tokenguard.ledger import phases
from tokenguard.ledger.due import Due, due, due_by_phase
from tokenguard.ledger.keeping import add_threads, put_coarse, put_narrow
from tokenguard.ledger.phase_sums import put_hours
from tokenguard.ledger.recount import of_halves, put_hour
from tokenguard.ledger.rollup_keys import Numbers, name_narrow
from tokenguard.ledger.rollups import COARSE, HALVES, HOUR, HOUR_US, NARROW

log = logging.getLogger(__name__)

PART = 120
"""Hours that are summed up at once: whole shifts, and a block is some of them."""

_NEXT_CALL = "SELECT min(started_us) FROM calls WHERE started_us >= ?"
_NEXT_SUM = f"SELECT min(start) FROM rollups WHERE size = {HOUR} AND start >= ?"
_BY_HALVES = [narrow for narrow in NARROW if narrow.units == HALVES]
_BY_HOURS = [narrow for narrow in NARROW if narrow.units == 1]
"""The narrow sums that are made from those of whole hours."""


_DoPart = Callable[[sqlite3.Connection, Due, Numbers], Due | None]


def fill(conn: sqlite3.Connection, tell: Callable[[int], None] | None = None) -> None:
    """Make the sums that are still to be made, which is logged: half a minute for a million calls without any sums, a
    second if only narrow ones are missing, a quarter of a minute if those by the hours of a phase are.

    The connection must be in autocommit mode. `tell` is called with each percent that is done.
    """
    for left_of, do_part in ((due, _do_part), (due_by_phase, _do_part_by_phase)):
        left = left_of(conn)
        if left is not None:
            log.info("summing up what was charged so far, once")
            _fill(conn, left, do_part, tell)


def _fill(conn: sqlite3.Connection, begun: Due, do_part: _DoPart, tell: Callable[[int], None] | None) -> None:
    left: Due | None = begun
    numbers, told = Numbers(conn), 0
    while left is not None:
        conn.execute("BEGIN IMMEDIATE")
        try:
            left = do_part(conn, left, numbers)
            conn.execute("COMMIT")
        except BaseException:
            conn.rollback()
            raise
        percent = left.percent if left else 100
        if tell is not None and percent > told:
            told = percent
            tell(percent)


def _do_part(conn: sqlite3.Connection, left: Due, numbers: Numbers) -> Due | None:
    """Sum up the next part; what is left after it."""
    if left.next == left.since:
        if left.source == "calls":
            phases.begin_anew(conn)
        for narrow in NARROW:
            name_narrow(conn, narrow)
    first = left.next // PART * PART
    end = first + PART
    following = _next_hour(conn, left.source, end)
    if left.source == "calls":
        for hour in _hours(conn, first, end):
            halves = of_halves(conn, hour)
            put_hour(conn, hour, halves, numbers, _BY_HALVES)
            add_threads(conn, hour, halves, numbers)
        for coarse in COARSE:
            # A block is more than a part: it is summed up with its last one.
            if coarse.hours < PART or following is None or following // coarse.hours > first // coarse.hours:
                for hour in range(first, end, min(PART, coarse.hours)):
                    put_coarse(conn, coarse, hour)
    for narrow in _BY_HOURS:
        put_narrow(conn, narrow, first, end)
    conn.execute("DELETE FROM rollup_due")
    if following is None:
        return None
    left = replace(left, next=following)
    conn.execute("INSERT INTO rollup_due (source, since, until, next) VALUES (?, ?, ?, ?)", astuple(left))
    return left


def _do_part_by_phase(conn: sqlite3.Connection, left: Due, numbers: Numbers) -> Due | None:
    """`_do_part` of the sums by the hours of the phase."""
    phase_us = phases.stored(conn)
    first = left.next // PART * PART
    end = first + PART
    put_hours(conn, first, end, phase_us, numbers)
    started_us: int | None = conn.execute(_NEXT_CALL, (phases.span_of(end, phase_us)[0],)).fetchone()[0]
    following = None if started_us is None else phases.hour_of(started_us, phase_us)
    conn.execute("UPDATE rollup_phase SET next = ?", (following,))
    return None if following is None else replace(left, next=following)


def _hours(conn: sqlite3.Connection, first: int, end: int) -> Iterator[int]:
    """The hours of these in which calls started."""
    hour = _next_hour(conn, "calls", first)
    while hour is not None and hour < end:
        yield hour
        hour = _next_hour(conn, "calls", hour + 1)


def _next_hour(conn: sqlite3.Connection, source: str, hour: int) -> int | None:
    """This hour or the first one after it of which there is something to be summed up."""
    if source == "hours":
        found: int | None = conn.execute(_NEXT_SUM, (hour,)).fetchone()[0]
        return found
    started_us: int | None = conn.execute(_NEXT_CALL, (hour * HOUR_US,)).fetchone()[0]
    return None if started_us is None else started_us // HOUR_US
