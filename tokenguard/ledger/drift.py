"""What agents' own logs tell of calls that were measured too: how far apart both are."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from tokenguard.ledger.conditions import condition, within
from tokenguard.ledger.rows import fetch
from tokenguard.ledger.sums import CHARGED
from tokenguard.ledger.values import Where

_TOKENS = " + ".join(
    f"{{0}}.{bucket}" for bucket in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
)


class Drift(Struct, frozen=True):
    """A session of which calls are both measured and logged; the sums are over those calls."""

    session: str
    agent: str
    calls: int
    measured_tokens: int
    logged_tokens: int
    measured_nanos: int
    """At list price, whoever pays."""
    logged_nanos: int


def drift(conn: sqlite3.Connection, where: Where, since_us: int | None, until_us: int | None) -> list[Drift]:
    """The sessions with calls of both kinds in the span, in no particular order."""
    terms, values = condition(where, "c", "c")
    span, ends = within("c.started_us", since_us, until_us)
    sql = f"""
        SELECT c.session, min(c.agent), count(DISTINCT c.id), sum({_TOKENS.format("c")}), sum({_TOKENS.format("e")}),
               sum(coalesce(c.cost_nanos, 0)), sum(coalesce(e.cost_nanos, 0))
        FROM echoes AS e CROSS JOIN calls AS c ON c.id = e.call_id
        WHERE {" AND ".join([CHARGED, *terms, *span])} GROUP BY c.session
    """
    return [Drift(*row) for row in fetch(conn, sql, [*values, *ends])]
