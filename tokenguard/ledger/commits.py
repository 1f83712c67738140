"""Commits, what they closed and what became of them; and what people answered to hooks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import astuple

from tokenguard.ledger.rows import DECISION, Row, as_json, fetch, places
from tokenguard.ledger.values import Decision
from tokenguard.records import Closing, Rewrite

_CLOSING = ", ".join(Closing.__struct_fields__)
_REWRITE = ", ".join(Rewrite.__struct_fields__)
_REPEATS = Closing.__struct_fields__.index("repeats")
_CLOSE = f"INSERT OR IGNORE INTO closings ({_CLOSING}) VALUES ({places(_CLOSING)})"
_REPLACE = f"INSERT OR IGNORE INTO rewrites ({_REWRITE}) VALUES ({places(_REWRITE)})"
_SQUASH = "INSERT OR IGNORE INTO squashes (worktree, hash) VALUES (?, ?)"
_SQUASHED = "DELETE FROM squashes WHERE worktree = ? RETURNING hash"
_DECIDE_ONCE = f"""INSERT INTO decisions ({DECISION}) SELECT {places(DECISION)} WHERE NOT EXISTS (
    SELECT 1 FROM decisions WHERE at_us = ? AND kind = ? AND who = ? AND key IS ? AND reason IS ?)"""


class Squash(Struct, frozen=True):
    """The next commit in a working tree stands for these."""

    worktree: str
    hashes: tuple[str, ...]


Deed = Closing | Rewrite | Squash | Decision


def write(conn: sqlite3.Connection, deeds: Iterable[Deed]) -> None:
    """What was done, in its order. What is known already changes nothing: the same deeds can be written twice."""
    for deed in deeds:
        match deed:
            case Closing():
                _close(conn, deed)
            case Rewrite():
                conn.execute(_REPLACE, astuple(deed))
            case Squash():
                conn.execute(_SQUASHED, [deed.worktree]).fetchall()
                conn.executemany(_SQUASH, [(deed.worktree, hash) for hash in deed.hashes])
            case Decision():
                same = (deed.at_us, deed.kind, deed.who, deed.key, deed.reason)
                conn.execute(_DECIDE_ONCE, (*astuple(deed), *same))


def _close(conn: sqlite3.Connection, closing: Closing) -> None:
    conn.execute(_CLOSE, astuple(closing))
    if closing.repeats:
        return
    for (hash,) in conn.execute(_SQUASHED, [closing.worktree]).fetchall():
        conn.execute(_REPLACE, ("squash", hash, closing.hash))


def closings(conn: sqlite3.Connection, repos: Sequence[str] = ()) -> list[Closing]:
    """The commits that were made in these repositories, or in any, in their order."""
    condition = " WHERE repo IN (SELECT value FROM json_each(?))" if repos else ""
    values = [as_json(tuple(repos))] if repos else []
    rows = fetch(conn, f"SELECT {_CLOSING} FROM closings{condition} ORDER BY id", values)
    return [_closing_of(row) for row in rows]


def squashing(conn: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Working tree -> what its next commit stands for."""
    found: dict[str, tuple[str, ...]] = {}
    for worktree, hash in fetch(conn, "SELECT worktree, hash FROM squashes ORDER BY worktree, hash", []):
        found[worktree] = (*found.get(worktree, ()), hash)
    return found


def rewrites(conn: sqlite3.Connection) -> list[Rewrite]:
    """The commits that took the place of others, in their order."""
    return [Rewrite(*row) for row in fetch(conn, f"SELECT {_REWRITE} FROM rewrites ORDER BY id", [])]


def _closing_of(row: Row) -> Closing:
    values = list(row)
    values[_REPEATS] = bool(values[_REPEATS])
    return Closing(*values)
