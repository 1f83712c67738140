"""Responses that logs show, and the rows that become of them."""

from __future__ import annotations

import sqlite3
from typing import Any

from msgspec.structs import replace

from tests.ledger.support import SECOND_US, START_US, call
from tokenguard.ledger import logged
from tokenguard.ledger.values import Logged, Logs
from tokenguard.records import Call, Charge, Confidence, Leg, Usage

AT_US = START_US + 5 * SECOND_US


def price(of: Call, leg: Leg) -> Charge:
    """A nanodollar a token, and what the log says where it says it."""
    return Charge(leg.usage.total if leg.cost_nanos is None else leg.cost_nanos, Confidence.ESTIMATED)


_USAGE = Usage(10, output=2)


def seen(key: str = "msg_1", usage: Usage = _USAGE, **more: Any) -> Logged:
    """A response that a log shows."""
    about = {name: more.pop(name) for name in list(more) if name in Call.__struct_fields__}
    leg = {name: more.pop(name) for name in list(more) if name in Leg.__struct_fields__}
    told = {"dialect": "log", "origin": "logged", "session": "claude:a", "agent_session": "a", **about}
    made = replace(call(0, started_us=AT_US), **told)
    return Logged(key, made, Leg(made.model, usage, **leg), more.pop("response_id", key), **more)


def write(conn: sqlite3.Connection, *rows: Logged) -> Any:
    return logged.write(conn, Logs(rows), price)


def rows(conn: sqlite3.Connection, columns: str = "log_key, origin, input, output, cost_nanos") -> list[Any]:
    return conn.execute(f"SELECT {columns} FROM calls ORDER BY id").fetchall()
