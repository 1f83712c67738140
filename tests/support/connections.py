"""Whether connections to SQLite are closed by who made them: one that is not stays open for as long as it is known."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest


def noted(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """Those that are made from now on."""
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def note(*args: Any, **named: Any) -> sqlite3.Connection:
        made.append(connect(*args, **named))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", note)
    return made


def is_closed(conn: sqlite3.Connection) -> bool:
    try:
        return conn.total_changes < 0
    except sqlite3.ProgrammingError:
        return True
