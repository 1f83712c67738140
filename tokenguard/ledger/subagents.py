"""What each sub-agent of a session cost."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from tokenguard.ledger.charges import totals_of
from tokenguard.ledger.rows import fetch
from tokenguard.ledger.sums import CHARGED, TOTALS, per_call
from tokenguard.records import Totals


class SubAgent(Struct):
    """A sub-agent, and the sums over its calls."""

    id: str
    """The agent's own."""
    type: str | None = None
    model: str = ""
    """One that it used; of a sub-agent that runs, the last one."""
    totals: Totals = Totals()


def subagents(conn: sqlite3.Connection, session: str) -> list[SubAgent]:
    """The sub-agents of a session that were charged for anything, in the order of their first calls."""
    source = per_call(f"{CHARGED} AND c.session = ? AND c.subagent IS NOT NULL")
    columns = f"s.subagent_id, max(s.subagent_type), max(s.model), {TOTALS}"
    sql = f"SELECT {columns} FROM {source} GROUP BY s.subagent_id ORDER BY min(s.id)"
    return [SubAgent(row[0], row[1], row[2], totals_of(row[3:])) for row in fetch(conn, sql, [session])]
