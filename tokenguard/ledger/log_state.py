"""How far agents' logs have been read, and what was odd in them."""

from __future__ import annotations

import sqlite3

from msgspec import Struct

from tokenguard.ledger.echoes import FIRST_ID
from tokenguard.ledger.rows import fetch
from tokenguard.ledger.values import LogFile

_FILE = ", ".join(LogFile.__struct_fields__)


def files(conn: sqlite3.Connection) -> dict[str, LogFile]:
    """Every file that was read, by its path."""
    return {row[0]: LogFile(*row) for row in fetch(conn, f"SELECT {_FILE} FROM log_files", [])}


def file(conn: sqlite3.Connection, path: str) -> LogFile | None:
    """How far that one was read."""
    rows = fetch(conn, f"SELECT {_FILE} FROM log_files WHERE path = ?", [path])
    return LogFile(*rows[0]) if rows else None


def labelled(conn: sqlite3.Connection, agent: str, label: str) -> bytes:
    """The state of an agent's file with that label; empty if there is none. Of several, that which says most."""
    sql = (
        "SELECT state FROM log_files WHERE label = ? AND label <> '' AND agent = ? ORDER BY length(state) DESC LIMIT 1"
    )
    rows = fetch(conn, sql, [label, agent])
    return bytes(rows[0][0]) if rows else b""


class Odd(Struct, frozen=True):
    """What was odd in the files of an agent."""

    agent: str
    kind: str
    detail: str
    count: int
    files: int
    example: str
    """The path of one of the files."""


def oddities(conn: sqlite3.Connection) -> list[Odd]:
    """All that was odd, the most frequent of each agent first."""
    sql = """SELECT agent, kind, detail, sum(count), count(*), min(path) FROM log_oddities
        GROUP BY agent, kind, detail ORDER BY agent, sum(count) DESC, kind, detail"""
    return [Odd(*row) for row in fetch(conn, sql, [])]


def unpriced(conn: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """(agent, model, rows) of what only logs tell of, and no price list."""
    sql = f"""SELECT agent, model, count(*) FROM calls
        WHERE id >= {FIRST_ID} AND confidence = 'bound' AND (marks LIKE '%unknown-%' OR marks LIKE '%unpriced-%')
        GROUP BY agent, model ORDER BY agent, count(*) DESC"""
    return [(agent, model, count) for agent, model, count in fetch(conn, sql, [])]
