"""Values as rows and back. Columns carry the names of the structs' fields, in their order."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import json

from tokenguard.ledger.failures import is_corrupt, ledger_error, suspect
from tokenguard.ledger.values import Decision, Raise, Told
from tokenguard.policy.estimate import Experience
from tokenguard.policy.trend import Trend
from tokenguard.records import Call, OfficialWindow, Session, Unit

CALL = ", ".join(Call.__struct_fields__)
SESSION = ", ".join(Session.__struct_fields__)
RAISE = ", ".join(Raise.__struct_fields__)
DECISION = ", ".join(Decision.__struct_fields__)
TOLD = ", ".join(Told.__struct_fields__)
OFFICIAL = ", ".join(OfficialWindow.__struct_fields__)
_PARTS = Trend.__struct_fields__
EXPERIENCE = ", ".join(f"{trend}_{part}" for trend in Experience.__struct_fields__ for part in _PARTS)

_STREAM = Call.__struct_fields__.index("stream")
_TOOL_FREE = Call.__struct_fields__.index("tool_free")
_UNIT = Raise.__struct_fields__.index("unit")
_DECISION_UNIT = Decision.__struct_fields__.index("unit")
_PAIRS = [Session.__struct_fields__.index(name) for name in ("labels", "upstreams")]

Row = tuple[Any, ...]


def fetch(conn: sqlite3.Connection, sql: str, values: Sequence[object]) -> list[Row]:
    """All rows of a question at once: a statement left halfway would keep its snapshot, and the log growing.

    Raises `LedgerError`; a file that proves corrupt is noted as suspect.
    """
    try:
        return conn.execute(sql, values).fetchall()
    except sqlite3.Error as error:
        if is_corrupt(error):
            suspect(Path(conn.execute("PRAGMA database_list").fetchone()[2]))
        raise ledger_error("read", error) from error


def places(columns: str) -> str:
    """As many parameters as there are columns: `?, ?, ?`."""
    return ", ".join("?" for _ in columns.split(","))


def as_json(value: tuple[object, ...]) -> str:
    """A tuple as JSON text."""
    return json.encode(value).decode()


def call_of(row: Row) -> Call:
    """A call from the columns `CALL`."""
    values = list(row)
    values[_STREAM] = bool(values[_STREAM])
    values[_TOOL_FREE] = None if values[_TOOL_FREE] is None else bool(values[_TOOL_FREE])
    return Call(*values)


def session_row(session: Session) -> list[object]:
    """The columns `SESSION` of a session."""
    values: list[Any] = [getattr(session, name) for name in Session.__struct_fields__]
    for index in _PAIRS:
        values[index] = as_json(values[index])
    return values


def session_of(row: Row) -> Session:
    """A session from the columns `SESSION`."""
    values = list(row)
    for index in _PAIRS:
        values[index] = json.decode(values[index], type=tuple[tuple[str, str], ...])
    return Session(*values)


def raise_of(row: Row) -> Raise:
    """A raise from the columns `RAISE`."""
    values = list(row)
    values[_UNIT] = Unit(values[_UNIT])
    return Raise(*values)


def decision_of(row: Row) -> Decision:
    """A decision from the columns `DECISION`."""
    values = list(row)
    values[_DECISION_UNIT] = Unit(values[_DECISION_UNIT]) if values[_DECISION_UNIT] else None
    return Decision(*values)


def experience_row(experience: Experience) -> list[float]:
    """The columns `EXPERIENCE` of what was learned."""
    trends: list[Trend] = [getattr(experience, name) for name in Experience.__struct_fields__]
    return [getattr(trend, part) for trend in trends for part in _PARTS]


def experience_of(row: Row) -> Experience:
    """What was learned, from the columns `EXPERIENCE`."""
    size = len(_PARTS)
    return Experience(*(Trend(*row[start : start + size]) for start in range(0, len(row), size)))
