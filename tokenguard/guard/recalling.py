"""Sessions that an earlier daemon had: known again, with what the ledger knows of them."""

from __future__ import annotations

import sqlite3

from msgspec.structs import replace

from tokenguard.guard import beside
from tokenguard.guard.registry import Live, Registry
from tokenguard.ledger import Where, queries
from tokenguard.records import Session


def recall(conn: sqlite3.Connection, live: Live) -> None:
    """Take over what the ledger knows of a session."""
    live.totals = queries.totals(conn, Where(session=live.session.id))
    live.beside = beside.known(conn, live.session.id)


def interrupted(conn: sqlite3.Connection, running: Registry, asked: Session, since_us: int) -> Session | None:
    """The session of the same process, or of the same program in the same place, that runs no more but has no end."""
    for session in queries.running_unwrapped(conn):
        same = replace(asked, id=session.id, started_us=session.started_us, branch=session.branch)
        if same == session and session.started_us >= since_us and running.get(session.id) is None:
            return session
    return None
