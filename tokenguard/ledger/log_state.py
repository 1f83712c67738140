"""How far agents' logs have been read, and what was odd in them."""

from __future__ import annotations

import sqlite3

from msgspec import Struct
from msgspec.structs import astuple

from tokenguard.ledger.rollups import BLOCK
from tokenguard.ledger.rows import fetch, places
from tokenguard.ledger.values import LogFile, Logs

_FILE = ", ".join(LogFile.__struct_fields__)
_PUT_FILE = f"INSERT OR REPLACE INTO log_files ({_FILE}) VALUES ({places(_FILE)})"
_ODD = """INSERT INTO log_oddities (path, agent, kind, detail, count) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (path, agent, kind, detail) DO UPDATE SET count = count + excluded.count"""
_FORGET = """DELETE FROM log_oddities
    WHERE agent = ? AND kind = 'unreadable' AND path NOT IN (SELECT path FROM log_files)"""


def write(conn: sqlite3.Connection, logs: Logs) -> None:
    """How far files were read, and what was odd in them; what was odd in those that were read anew is forgotten."""
    for path in logs.anew:
        conn.execute("DELETE FROM log_oddities WHERE path = ?", (path,))
    for agent in logs.surveyed:
        conn.execute(_FORGET, (agent,))
    conn.executemany(_ODD, [astuple(odd) for odd in logs.oddities])
    conn.executemany(_PUT_FILE, [astuple(file) for file in logs.files])


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
    """(agent, model, responses) of what only logs tell of and no list has a price for: a bound stands for it."""
    sql = f"""SELECT k.agent, k.model, sum(r.calls) FROM rollups AS r CROSS JOIN rollup_keys AS k ON k.id = r.key
        WHERE k.origin = 'logged' AND k.confidence = 'bound' AND k.role <> 'part' AND r.size = {BLOCK}
        GROUP BY k.agent, k.model ORDER BY k.agent, sum(r.calls) DESC"""
    return [(agent, model, count) for agent, model, count in fetch(conn, sql, [])]
