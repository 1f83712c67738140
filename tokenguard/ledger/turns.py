"""The calls of a session one by one: what each sent, read from a cache and cost, and what was decided of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from msgspec import Struct, json

from tokenguard.ledger.rows import CALL, DECISION, Row, call_of, decision_of, fetch
from tokenguard.ledger.values import Decision
from tokenguard.records import Call, Confidence, Usage

_USAGE = Usage.__struct_fields__
_COLUMNS = f"state, ended_us, outcome, status, cost_nanos, confidence, budget, reason, {', '.join(_USAGE)}"


class Turn(Struct, frozen=True):
    """A call, and what is known of it."""

    call: Call
    ended_us: int | None
    """None while it runs, and of one that was refused."""
    outcome: str
    """`running`, `refused`, or what it came to."""
    status: int | None
    usage: Usage
    cost_nanos: int | None
    """None while it runs, and where it is not known."""
    confidence: Confidence
    budget: str | None
    """The budget that had something to say of it, and `reason` what."""
    reason: str | None
    fees: tuple[tuple[str, int], ...] = ()
    """Uses of tools that the provider runs and charges for, such as `("web_search", 2)`."""
    decisions: tuple[Decision, ...] = ()
    """What somebody answered while it waited."""


def turns(conn: sqlite3.Connection, session: str, limit: int) -> list[Turn]:
    """The calls of a session that began last, the oldest of them first."""
    sql = f"SELECT {CALL}, {_COLUMNS} FROM calls WHERE session = ? ORDER BY started_us DESC, id DESC LIMIT ?"
    rows = fetch(conn, sql, [session, limit])[::-1]
    ids = [row[0] for row in rows]
    fees, decided = _fees(conn, ids), _decisions(conn, ids)
    return [_turn(row, fees.get(row[0], {}), decided.get(row[0], ())) for row in rows]


def _turn(row: Row, fees: dict[str, int], decisions: Sequence[Decision]) -> Turn:
    size = len(Call.__struct_fields__)
    state, ended_us, outcome, status, cost_nanos, confidence, budget, reason, *buckets = row[size:]
    states = {"open": "running", "refused": "refused"}
    return Turn(
        call_of(row[:size]),
        ended_us,
        states.get(state) or outcome or state,
        status,
        Usage(*buckets),
        cost_nanos,
        Confidence(confidence) if confidence else Confidence.EXACT,
        budget,
        reason,
        tuple(sorted(fees.items())),
        tuple(decisions),
    )


def _fees(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    sql = f"SELECT call_id, fees FROM legs WHERE fees IS NOT NULL AND call_id IN ({_places(ids)})"
    found: dict[int, dict[str, int]] = {}
    for call_id, text in fetch(conn, sql, ids):
        fees = found.setdefault(call_id, {})
        for name, count in json.decode(text, type=tuple[tuple[str, int], ...]):
            fees[name] = fees.get(name, 0) + count
    return found


def _decisions(conn: sqlite3.Connection, ids: Sequence[int]) -> dict[int, list[Decision]]:
    found: dict[int, list[Decision]] = {}
    sql = f"SELECT call_id, {DECISION} FROM decisions WHERE call_id IN ({_places(ids)}) ORDER BY id"
    for call_id, *row in fetch(conn, sql, ids):
        found.setdefault(call_id, []).append(decision_of(tuple(row)))
    return found


def _places(ids: Sequence[int]) -> str:
    return ", ".join("?" for _ in ids)
