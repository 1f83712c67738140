"""Whether the sums that are kept agree with the calls; where they do not, they are made anew."""

from __future__ import annotations

import logging
import sqlite3

from tokenguard.ledger import phase_sums, phases
from tokenguard.ledger.keeping import agrees, kept_of_hour, put_coarse, put_thread, stored
from tokenguard.ledger.kept import kept
from tokenguard.ledger.recount import of_halves, of_hour, put_hour, threads_of
from tokenguard.ledger.rollup_keys import Numbers
from tokenguard.ledger.rollups import (
    BARE_SHIFT,
    BLOCK,
    COARSE,
    HOUR,
    HOUR_US,
    NARROW,
    PHASED_SPELLS,
    SHIFT,
    SPELLS,
    THREADS,
    Piece,
    spell,
)
from tokenguard.ledger.rows import Row
from tokenguard.ledger.sums import CHARGED, SUMMED, per_call
from tokenguard.ledger.values import Where

log = logging.getLogger(__name__)

_NO_HOUR = 2**62 // HOUR_US
_UNITS = {HOUR: 1, SPELLS: spell(1, 0), **{one.size: one.units for one in (*COARSE, *NARROW)}}
"""What an hour is in each size by which sums are found in time."""
_BY_PHASE = {PHASED_SPELLS: spell(1, 0), **{narrow.phased: 1 for narrow in NARROW}}
_LATEST = "SELECT max(start) FROM rollups WHERE size = ? AND start < ?"


def check(conn: sqlite3.Connection, hour: int) -> bool:
    """Whether the sums of an hour agree with its calls, and those of the hour of the phase that begins in it; of a
    shift or block with its hours, if this one begins it; and of the threads that ended in it with their calls.

    What does not agree is replaced.
    """
    found = of_halves(conn, hour)
    sound = _check_by_phase(conn, hour)
    for thread, sums in threads_of(conn, hour):
        if stored(conn, THREADS, thread, thread + 1) != sums:
            put_thread(conn, thread, sums)
            sound = False
    if kept_of_hour(conn, hour) != of_hour(conn, hour, found):
        put_hour(conn, hour, found, Numbers(conn))
        for coarse in COARSE:
            put_coarse(conn, coarse, hour)
        return False
    for coarse in COARSE:
        if hour % coarse.hours == 0 and not agrees(conn, coarse, hour):
            put_coarse(conn, coarse, hour)
            sound = False
    return sound


def check_next(conn: sqlite3.Connection, hour: int | None) -> tuple[int | None, bool]:
    """`check` the hour after this one, in the order of `before`; which it was, None after the last, and the result."""
    following = before(conn, hour)
    return following, following is None or check(conn, following)


def check_all(conn: sqlite3.Connection) -> int:
    """`check` every hour; how many of them did not agree. This takes a minute for ten million calls."""
    wrong, hour = 0, before(conn, None)
    while hour is not None:
        wrong += not check(conn, hour)
        hour = before(conn, hour)
    return wrong


def before(conn: sqlite3.Connection, hour: int | None) -> int | None:
    """The hour to check after this one: the latest before it with calls or sums, or that begins what is summed up."""
    end = _NO_HOUR if hour is None else hour
    phase_us = phases.stored(conn)
    found: list[int | None] = []
    for begin_us in (0, phase_us) if phase_us else (0,):
        before_us = phases.span_of(end, begin_us)[0]
        started_us = conn.execute("SELECT max(started_us) FROM calls WHERE started_us < ?", (before_us,)).fetchone()[0]
        found.append(None if started_us is None else phases.hour_of(started_us, begin_us))
    for size, unit in ({**_UNITS, **_BY_PHASE} if phase_us else _UNITS).items():
        start = conn.execute(_LATEST, (size, end * unit)).fetchone()[0]
        found.append(None if start is None else start // unit)
    if hour is not None:
        found += [hour // coarse.hours * coarse.hours for coarse in COARSE if hour % coarse.hours]
    return max((one for one in found if one is not None), default=None)


def glance(conn: sqlite3.Connection) -> bool:
    """Whether the newest hour agrees as a whole, where a crash would have left its traces: fast, also if it is busy."""
    hour = before(conn, None)
    if hour is None:
        return True
    source = per_call(f"{CHARGED} AND c.started_us >= ? AND c.started_us < ?")
    found = conn.execute(f"SELECT {SUMMED} FROM {source}", [hour * HOUR_US, (hour + 1) * HOUR_US]).fetchone()
    return bool(found == _sum_of(conn, Piece(HOUR, hour, hour + 1)))


def agrees_as_a_whole(conn: sqlite3.Connection) -> bool:
    """Whether all calls together agree with all hours, shifts, blocks and threads. Reads all calls, repairs nothing."""
    # With the plus, SQLite reads the calls one after the other, not in the order of an index of the charged ones.
    of_all = conn.execute(f"SELECT {SUMMED} FROM {per_call(f'+{CHARGED}')}").fetchone()
    sizes = (HOUR, SHIFT, BLOCK, THREADS)
    narrow: dict[bool, list[int]] = {False: [BARE_SHIFT, SPELLS], True: []}
    for one in NARROW:
        narrow[one.by_leg].append(one.size)
    if phases.readable(conn):
        narrow[False].append(PHASED_SPELLS)
        for one in NARROW:
            narrow[one.by_leg].append(one.phased)
    by_call, by_leg = (
        {_sum_of(conn, Piece(size, None, None), by_leg=of_legs) for size in (*sizes, *narrow[of_legs])}
        for of_legs in (False, True)
    )
    return by_call == {of_all} and len(by_leg) == 1


def tell_rebuilt(hours: int) -> None:
    """Log that sums were wrong."""
    log.warning("the sums of %d hours did not agree with their calls; they were rebuilt", hours)


def _check_by_phase(conn: sqlite3.Connection, hour: int) -> bool:
    """`check` of the hour of the phase that begins in this one."""
    phase_us = phases.stored(conn)
    if not phase_us:
        return True
    found = phase_sums.of_hour(conn, hour, phase_us)
    if phase_sums.kept_of_hour(conn, hour) == found:
        return True
    phase_sums.put_hour(conn, hour, found)
    return False


def _sum_of(conn: sqlite3.Connection, piece: Piece, *, by_leg: bool = False) -> Row:
    source, values = kept(piece, Where(), by_leg=by_leg)
    found: Row = conn.execute(f"SELECT {SUMMED} FROM {source}", values).fetchone()
    return found
