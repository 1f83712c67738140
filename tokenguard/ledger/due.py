"""What of a ledger is still to be summed up, as its sums are kept today."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from tokenguard.ledger.phases import hour_of
from tokenguard.ledger.rollups import HOUR_US
from tokenguard.ledger.sums import CHARGED

_SPAN = "SELECT " + ", ".join(
    f"(SELECT c.started_us FROM calls AS c WHERE {CHARGED} ORDER BY c.started_us {order} LIMIT 1)"
    for order in ("ASC", "DESC")
)


class Due(Struct, frozen=True):
    """Sums that are still to be made."""

    source: str
    """Of what: `calls`, `hours` if only the narrow sums are missing, or `phase` if only those by its hours are."""
    since: int
    until: int
    next: int
    """Hours since the epoch, of UTC or of the phase: the span that is summed up, and from where on it is to be done."""

    @property
    def percent(self) -> int:
        """How much of it is done."""
        return 100 * max(0, self.next - self.since) // max(1, self.until - self.since)


def due(conn: sqlite3.Connection) -> Due | None:
    """What is still to be summed up before any sums can be read; None if there is nothing. Raises sqlite3's errors."""
    for source, since, until, following in conn.execute("SELECT source, since, until, next FROM rollup_due").fetchall():
        return Due(source, since, until, following)
    if conn.execute("SELECT EXISTS (SELECT 1 FROM rollups)").fetchone()[0]:
        return None
    first_us, last_us = conn.execute(_SPAN).fetchone()
    if first_us is None:
        return None
    first = first_us // HOUR_US
    return Due("calls", first, last_us // HOUR_US + 1, first)


def due_by_phase(conn: sqlite3.Connection) -> Due | None:
    """What is still to be summed up by the hours of the phase, which nobody has to wait for; None if there is nothing.

    Raises sqlite3's errors.
    """
    for phase_us, following in conn.execute("SELECT phase_us, next FROM rollup_phase WHERE next IS NOT NULL"):
        first_us, last_us = conn.execute(_SPAN).fetchone()
        if first_us is None:
            # There were some when it began.
            return Due("phase", following, following, following)
        since, until = hour_of(first_us, phase_us), hour_of(last_us, phase_us) + 1
        return Due("phase", since, until, max(since, following))
    return None
