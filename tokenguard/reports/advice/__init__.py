"""Advice: habits that cost more than they had to, measured on the calls of a time. One module an advice.

Every advice counts its calls, what they cost, what could have been saved by listed prices, and names the command or
setting that would change it. Savings of several can overlap: they are never summed up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from msgspec import to_builtins

from tokenguard.ledger import queries
from tokenguard.prices import Catalogue
from tokenguard.reports.advice import abandoned, dear_answers, idle_gaps, price_cliffs, unread_caches
from tokenguard.reports.advice.shape import Advice, Asked

FINDERS: dict[str, Callable[[Asked], Advice | None]] = {
    module.NAME: module.find for module in (dear_answers, price_cliffs, idle_gaps, unread_caches, abandoned)
}
"""Every advice by name."""

LEAST_NANOS = 10_000_000
"""What would save less than a cent is not worth a line."""


def advise(conn: sqlite3.Connection, catalogue: Catalogue, since_us: int, until_us: int) -> dict[str, Any]:
    """All advice on the calls in `since_us <= started < until_us`, the one that would save most first.

    What is notional counts after all that is billed. Raises `LedgerError`.
    """
    asked = Asked(conn, catalogue, since_us, until_us)
    with queries.snapshot(conn):
        total = queries.totals(conn, since_us=since_us, until_us=until_us)
        found = [one for find in FINDERS.values() if (one := find(asked)) is not None]
    found.sort(key=lambda one: (-one.saving_nanos, -one.notional_saving_nanos))
    return {
        "calls": total.calls,
        "cost_nanos": total.cost_nanos,
        "notional_nanos": total.notional_nanos,
        "confidence": total.confidence.value,
        "advice": [to_builtins(one) for one in found if one.saving_nanos + one.notional_saving_nanos >= LEAST_NANOS],
    }
