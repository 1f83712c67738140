"""The audit trail: raises of limits, answers to calls that waited, reserves that were given out."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from tokenguard.ledger.rows import fetch
from tokenguard.records import Unit

_TRAIL = """
    SELECT * FROM (
        SELECT created_us AS at_us, id, 'raise' AS kind, who, budget, key, amount, unit, reason, expires_us,
               NULL AS session, NULL AS agent, NULL AS model
        FROM raises
        UNION ALL
        SELECT d.at_us, d.id, d.kind, d.who, d.budget, d.key, d.amount, d.unit, d.reason, NULL,
               c.session, c.agent, c.model
        FROM decisions AS d LEFT JOIN calls AS c ON c.id = d.call_id
    )
    ORDER BY at_us DESC, kind, id DESC LIMIT ?
"""


class Entry(Struct, frozen=True):
    """Something that somebody did to a budget, or to a call that one held."""

    at_us: int
    kind: str
    """`raise`, or that of a `Decision`."""
    who: str
    budget: str | None
    """The name under which it is written (see `policy.budgets.ident`); of an answer, that by which people see it."""
    key: str | None
    """Which of the budget's counters; None of an answer."""
    amount: int | None
    unit: Unit | None
    reason: str | None
    expires_us: int | None
    """When a raise ends; None where its window never does."""
    session: str | None
    """Of the call that waited, and its agent and model."""
    agent: str | None
    model: str | None


def trail(conn: sqlite3.Connection, limit: int) -> list[Entry]:
    """What was done last, the newest first."""
    found: list[Entry] = []
    for at_us, _, kind, who, budget, key, amount, unit, *rest in fetch(conn, _TRAIL, [limit]):
        found.append(Entry(at_us, kind, who, budget, key, amount, Unit(unit) if unit else None, *rest))
    return found
