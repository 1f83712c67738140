"""The calls that cost most, one by one, with what tells why."""

from __future__ import annotations

import sqlite3

from msgspec import Struct, json

from tokenguard.ledger.conditions import condition, within
from tokenguard.ledger.groups import grouped
from tokenguard.ledger.rows import CALL, Row, call_of, fetch
from tokenguard.ledger.sums import CHARGED
from tokenguard.ledger.values import Where
from tokenguard.records import Call, Confidence, Context, Leg, Usage

_USAGE = ", ".join(Usage.__struct_fields__)
_COLUMNS = f"{CALL}, ended_us, outcome, cost_nanos, confidence, {_USAGE}"
_SIZE = len(Call.__struct_fields__)
_PROMPT = "input + cache_read + cache_write_5m + cache_write_1h"
_RARE = 1_000
"""Calls: where so few are asked for, looking at the dearest of all until enough of them are found would take long."""


class Dear(Struct, frozen=True):
    """A charged call, and the one before it in its conversation."""

    call: Call
    ended_us: int | None
    outcome: str | None
    cost_nanos: int
    """At list price, whoever pays."""
    confidence: Confidence
    usage: Usage
    legs: tuple[Leg, ...]
    """With what each cost. Empty where the call is one leg of its own model and nothing moved its price."""
    before_us: int | None
    """When the call before it in its conversation ended; None if there is none."""
    before_prompt: int
    """How many tokens that one sent."""
    turn: int
    """The how manieth call of its conversation it is, counted from 1."""


def dearest(
    conn: sqlite3.Connection, where: Where, since_us: int | None, until_us: int | None, limit: int
) -> list[Dear]:
    """The charges that were highest at list price, the highest first."""
    terms, values = condition(where, "c", "c")
    span, ends = within("c.started_us", since_us, until_us)
    # A plus sign keeps an index from being used.
    by_cost = sum(group.totals.calls for group in grouped(conn, [], where, since_us, until_us)) > _RARE
    terms += [f"+{term}" for term in span] if by_cost else span
    order = "c.cost_nanos" if by_cost else "+c.cost_nanos"
    columns = ", ".join(f"c.{column.strip()}" for column in _COLUMNS.split(","))
    sql = f"""SELECT {columns} FROM calls AS c WHERE {" AND ".join([CHARGED, "c.cost_nanos > 0", *terms])}
        ORDER BY {order} DESC, c.id LIMIT ?"""
    return [_dear(conn, row) for row in fetch(conn, sql, [*values, *ends, limit])]


def _dear(conn: sqlite3.Connection, row: Row) -> Dear:
    call = call_of(row[:_SIZE])
    ended_us, outcome, nanos, confidence, *buckets = row[_SIZE:]
    whose = (call.session, call.agent_session, call.subagent)
    earlier = f"session = ? AND agent_session IS ? AND subagent IS ? AND {CHARGED.replace('c.', '')}"
    before = fetch(
        conn,
        f"""SELECT coalesce(ended_us, started_us), {_PROMPT} FROM calls
            WHERE {earlier} AND started_us < ? AND request_class = ? ORDER BY started_us DESC LIMIT 1""",
        [*whose, call.started_us, call.request_class],
    )
    turn = fetch(conn, f"SELECT count(*) FROM calls WHERE {earlier} AND started_us <= ?", [*whose, call.started_us])
    before_us, before_prompt = before[0] if before else (None, 0)
    return Dear(
        call,
        ended_us,
        outcome,
        nanos,
        Confidence(confidence or Confidence.EXACT),
        Usage(*buckets),
        _legs(conn, call.id),
        before_us,
        before_prompt,
        turn[0][0],
    )


def _legs(conn: sqlite3.Connection, call_id: int) -> tuple[Leg, ...]:
    sql = f"""SELECT model, kind, tier, speed, geo, fees, billed, cost_nanos, {_USAGE}
        FROM legs WHERE call_id = ? ORDER BY idx"""
    found: list[Leg] = []
    for model, kind, tier, speed, geo, fees, billed, nanos, *buckets in fetch(conn, sql, [call_id]):
        counted = json.decode(fees, type=tuple[tuple[str, int], ...]) if fees else ()
        found.append(Leg(model, Usage(*buckets), kind, Context(tier, speed, geo), counted, bool(billed), nanos))
    return tuple(found)
