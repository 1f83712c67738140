"""What happened last: calls one by one, and what was spent in each minute."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from tokenguard.ledger.rows import CALL, call_of, fetch
from tokenguard.policy.measure import is_notional
from tokenguard.records import BILLINGS, Call, Confidence, Usage

_MINUTE_US = 60_000_000
_USAGE = Usage.__struct_fields__
_BILLED = ", ".join(f"'{billing}'" for billing in BILLINGS if not is_notional(billing))


class Past(Struct, frozen=True):
    """A call that has ended, or was refused."""

    call: Call
    ended_us: int
    """When a refused one was made."""
    outcome: str
    """`refused`, or what it came to."""
    usage: Usage
    cost_nanos: int | None
    confidence: Confidence
    reason: str | None
    """Why it was refused, or what a budget said of it."""


def recent(conn: sqlite3.Connection, limit: int) -> list[Past]:
    """The calls that began last, of those that do not run any more; the oldest of them first."""
    columns = f"state, coalesce(ended_us, started_us), outcome, cost_nanos, confidence, reason, {', '.join(_USAGE)}"
    sql = f"SELECT {CALL}, {columns} FROM calls WHERE state <> 'open' ORDER BY started_us DESC, id DESC LIMIT ?"
    size = len(Call.__struct_fields__)
    return [_past(call_of(row[:size]), *row[size:]) for row in reversed(fetch(conn, sql, [limit]))]


def _past(
    call: Call,
    state: str,
    ended_us: int,
    outcome: str | None,
    cost_nanos: int | None,
    confidence: str | None,
    reason: str | None,
    *buckets: int,
) -> Past:
    trust = Confidence(confidence) if confidence else Confidence.EXACT
    outcome = "refused" if state == "refused" else outcome or state
    return Past(call, ended_us, outcome, Usage(*buckets), cost_nanos, trust, reason)


def minutes(conn: sqlite3.Connection, since_us: int) -> dict[int, int]:
    """Nanodollars that were billed for the calls that began since then, by the minute of the epoch in which they ended.

    Minutes in which nothing ended are left out.
    """
    sql = f"""
        SELECT ended_us / {_MINUTE_US}, sum(cost_nanos) FROM calls
        WHERE started_us >= ? AND state = 'settled' AND cost_nanos > 0 AND billing IN ({_BILLED})
        GROUP BY 1
    """
    return dict(fetch(conn, sql, [since_us]))
