"""GitHub Copilot CLI's database: a row for each response, since version 1.0.70."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import msgspec

from tokenguard.agents.logs.copilot_usage import Counts, key_of, nanos_of_units, numbered, usage_of
from tokenguard.agents.logs.shape import DOUBTFUL, File, Found, Odd, Sighting
from tokenguard.agents.logs.values import instant, provider_of

NAME = "copilot"

_MOST = 1 << 53
"""No count is larger."""

_ROWS = """
    SELECT e.id, e.session_id, e.created_at, e.model, {columns},
        row_number() OVER (PARTITION BY {own}, substr(e.created_at, 1, 18), e.model, e.input_tokens,
            e.output_tokens ORDER BY e.id),
        {session}
    FROM assistant_usage_events e {join}
"""
_COLUMNS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "total_nano_aiu",
    "agent_id",
    "parent_tool_call_id",
)


def read(file: File, conn: sqlite3.Connection, state: bytes, odd: Odd) -> tuple[Found, bytes]:
    """See `Database.read`. The state is the latest row's id."""
    known = _columns(conn, "assistant_usage_events")
    last = conn.execute("SELECT max(id) FROM assistant_usage_events").fetchone()[0] if known else None
    if not isinstance(last, int):
        return (), b""
    since = int(state or 0)
    return _rows(conn, since if since <= last else 0, odd), str(last).encode()


def _rows(conn: sqlite3.Connection, since: int, odd: Odd) -> Iterator[Sighting]:
    known = _columns(conn, "assistant_usage_events")
    columns = ", ".join(f"e.{name}" if name in known else "NULL" for name in _COLUMNS)
    placed = {"id", "cwd", "branch"} <= _columns(conn, "sessions")
    session, join = ("s.cwd, s.branch", "LEFT JOIN sessions s ON s.id = e.session_id") if placed else ("NULL, NULL", "")
    own = [f"e.{name}" for name in ("agent_id", "parent_tool_call_id") if name in known]
    rows_of = _ROWS.format(
        columns=columns, session=session, join=join, own=f"coalesce({', '.join((*own, 'e.session_id', 'NULL'))})"
    )
    query = f"SELECT * FROM ({rows_of}) WHERE id > ? ORDER BY id"
    with closing(conn.execute(query, (since,))) as rows:
        for row in rows:
            found = _row(row[1:], odd)
            if found is not None:
                yield found


def _row(row: tuple[object, ...], odd: Odd) -> Sighting | None:
    session, at, name, *counts, units, agent, call, number, folder, branch = row
    record = Counts(*map(_count, counts))
    if [*msgspec.structs.astuple(record)] != counts:
        odd(DOUBTFUL, "malformed")
    usage = usage_of(record, odd)
    if not usage.total:
        return None
    at_us, model = instant(at if isinstance(at, str | int | float) else None), _text(name) or ""
    own = _text(agent) or _text(call)
    return Sighting(
        key=numbered(
            key_of(own or _text(session) or "", at_us, model, record), number if isinstance(number, int) else 1
        ),
        agent=NAME,
        session=_text(session) or "",
        at_us=at_us,
        provider=NAME if isinstance(units, int) else provider_of(model),
        model=model,
        usage=usage,
        subagent=own,
        sidechain=own is not None,
        folder=_text(folder),
        branch=_text(branch),
        stated_nanos=nanos_of_units(units if isinstance(units, int) else None),
    )


def _columns(conn: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in conn.execute(f"PRAGMA table_info({table})")}


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value < _MOST else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
