"""The hours of the machine, where they begin between those of UTC: in zones that are half an hour or a quarter off.

The ledger keeps all narrow sums and those of threads by them, too, so that reports by hour read no calls
there; all other questions read those by hours of UTC. Its *phase* is how much later than those of UTC these hours
begin. Whoever opens the ledger for writing chooses it; it stands in the ledger, and what is charged is added by it. In
most zones there is none, and nothing of this is kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from tokenguard.ledger.rollups import CALLS, HOUR, HOUR_US, NARROW, PHASED_SPELLS, narrowest, pieces
from tokenguard.ledger.sums import CHARGED

STORED = "(SELECT phase_us FROM rollup_phase)"
"""The phase in microseconds, as an expression; NULL if there is none."""

_HALF_A_YEAR = timedelta(days=182)
_MICROSECOND = timedelta(microseconds=1)
_FIRST = -1
"""The hour in which the epoch is, where it begins before it."""
# Where nothing was charged there is nothing to be made.
_INSERT = f"""INSERT INTO rollup_phase (phase_us, next)
    VALUES (?, iif(EXISTS (SELECT 1 FROM calls AS c WHERE {CHARGED}), {_FIRST}, NULL))"""
SIZES = (*(narrow.phased for narrow in NARROW), PHASED_SPELLS)
"""The sizes of the sums that are kept by the hours of a phase."""


def phase_of(zone: tzinfo, now_us: int) -> int:
    """How many microseconds after those of UTC the hours of a zone begin; 0 in most.

    Where that is another half of the time (daylight saving on Lord Howe is half an hour), it is what is not 0.
    """
    now = datetime.fromtimestamp(now_us / 1_000_000, UTC)
    offsets = ((at.astimezone(zone).utcoffset() or timedelta()) for at in (now, now - _HALF_A_YEAR))
    phases = [-(offset // _MICROSECOND) % HOUR_US for offset in offsets]
    return phases[0] or phases[1]


def stored(conn: sqlite3.Connection) -> int:
    """The phase by which charges are added to sums; 0 if there is none."""
    return conn.execute(f"SELECT {STORED}").fetchone()[0] or 0


def readable(conn: sqlite3.Connection) -> int:
    """The phase by whose hours all charges are summed up; 0 if there is none."""
    found = conn.execute("SELECT phase_us FROM rollup_phase WHERE next IS NULL").fetchone()
    return found[0] if found else 0


def choose(conn: sqlite3.Connection, phase_us: int) -> None:
    """Have sums kept by the hours of this phase, in place of any other; 0 for none. They are still to be made.

    The connection must be in autocommit mode.
    """
    if phase_us == stored(conn):
        return
    conn.execute("BEGIN IMMEDIATE")
    try:
        conn.execute(f"DELETE FROM rollups WHERE size IN ({', '.join(map(str, SIZES))})")
        conn.execute("DELETE FROM rollup_phase")
        if phase_us:
            conn.execute(_INSERT, (phase_us,))
        conn.execute("COMMIT")
    except BaseException:
        conn.rollback()
        raise


def begin_anew(conn: sqlite3.Connection) -> None:
    """The sums by its hours are still to be made, all of them."""
    conn.execute(f"UPDATE rollup_phase SET next = {_FIRST}")


def hour_of(started_us: int, phase_us: int) -> int:
    """The hour of a phase in which a call started: that of UTC in which it begins."""
    return (started_us - phase_us) // HOUR_US


def span_of(hour: int, phase_us: int) -> tuple[int, int]:
    """When an hour of a phase begins and ends."""
    return hour * HOUR_US + phase_us, (hour + 1) * HOUR_US + phase_us


class Phased(NamedTuple):
    """Where sums by the hours of a phase are found."""

    size: int
    phase_us: int
    most: int | None = None
    """How many hours of them are read at once: in more, there are larger sums by hours of UTC. None is no limit."""

    def suits(self, span: tuple[int, int]) -> bool:
        """Whether a span begins or ends with such an hour, so that these sums leave fewer calls to be read."""
        short = self.most is None or span[1] - span[0] <= self.most * HOUR_US
        return short and any(at % HOUR_US == self.phase_us for at in span)

    def pieces(self, since_us: int, until_us: int) -> Iterator[tuple[int, int, int]]:
        """The two ends and the size of what is read of a span: these sums, by hours, or calls, by microseconds."""
        for piece in pieces(since_us - self.phase_us, until_us - self.phase_us, (HOUR,)):
            since, until = piece.since or 0, piece.until or 0
            if piece.size == CALLS:
                yield since + self.phase_us, until + self.phase_us, CALLS
            else:
                yield since, until, self.size


def phased_for(asked: Iterable[str], most: int, phase_us: int, *, by_leg: bool) -> Phased | None:
    """The narrowest of the sums by the hours of a phase that tell these columns apart, if any do."""
    narrow = narrowest(asked, by_leg=by_leg)
    return None if narrow is None else Phased(narrow.phased, phase_us, most)


def phased_spells(phase_us: int) -> Phased | None:
    """The sums of threads by the hours of a phase, if there is one."""
    return Phased(PHASED_SPELLS, phase_us) if phase_us else None
