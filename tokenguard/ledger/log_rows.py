"""The rows of responses that only logs tell of: their columns, and what they say when they are read back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from operator import itemgetter

from msgspec import json
from msgspec.structs import astuple, replace

from tokenguard.ledger import adding
from tokenguard.ledger.echoes import FIRST_ID
from tokenguard.ledger.rows import CALL, Row, as_json, call_of, places
from tokenguard.ledger.sums import BUCKETS
from tokenguard.ledger.values import Logged
from tokenguard.prices import terms
from tokenguard.records import Call, Charge, Confidence, Context, Leg, Usage

COPIED = "copied"
"""Mark of a row whose line was a copy: the original takes its place when it is found."""

_USAGE = ", ".join(BUCKETS)
_CHARGED = f"log_key, ended_us, response_id, cost_nanos, confidence, marks, saved_nanos, {_USAGE}"
COLUMNS = f"{CALL}, {_CHARGED}"
_UNTOLD = ("id", "stream", "requested", "tool_free")
"""What no log tells of a call, and its number."""
_TOLD = [name for name in Call.__struct_fields__ if name not in _UNTOLD]
_told = itemgetter(*map(Call.__struct_fields__.index, _TOLD))
_WRITTEN = f"{', '.join(_TOLD)}, {_CHARGED}, id"
_UPDATE = f"UPDATE calls SET ({_WRITTEN}) = ({places(_WRITTEN)}) WHERE id = ?"

_SELDOM = ("task", "subagent", "subagent_type", "marks")
"""Columns that are left out where none has anything, as in most rows: nothing takes longer to hand over than text."""
_OFTEN = [name for name in _WRITTEN.split(", ") if name not in _SELDOM]
_seldom = itemgetter(*map(_WRITTEN.split(", ").index, _SELDOM))
_often = itemgetter(*map(_WRITTEN.split(", ").index, _OFTEN))
_NOTHING = (None,) * len(_SELDOM)


def _inserting(columns: str) -> str:
    return f"""INSERT INTO calls ({columns}, stream, state, outcome)
        VALUES ({places(columns)}, FALSE, 'settled', 'logged')"""


_INSERT, _INSERT_PLAIN = _inserting(_WRITTEN), _inserting(", ".join(_OFTEN))

_LEG = f"call_id, idx, model, kind, billed, tier, speed, geo, fees, cost_nanos, saved_nanos, {_USAGE}"
_PUT_LEG = f"INSERT OR REPLACE INTO legs ({_LEG}) VALUES ({places(_LEG)})"
_LEG_OF = "SELECT tier, speed, geo, fees FROM legs WHERE call_id = ? AND idx = 0"
_CALL_SIZE = len(Call.__struct_fields__)


def insert(conn: sqlite3.Connection, charged: Sequence[tuple[Logged, Charge]]) -> int:
    """Write new rows, and add them to the sums. The number of the first; the others follow it."""
    last: int = conn.execute("SELECT max(id) FROM calls").fetchone()[0] or 0
    first = max(last + 1, FIRST_ID)
    sums = adding.Gathered(conn)
    plain: list[Sequence[object]] = []
    others: list[Sequence[object]] = []
    for number, (row, charge) in enumerate(charged, first):
        values = _values(number, row, charge)
        if _seldom(values) == _NOTHING:
            plain.append(_often(values))
        else:
            others.append(values)
        sums.add(row.call, charge, row.leg.usage, row.leg.model)
    conn.executemany(_INSERT_PLAIN, plain)
    conn.executemany(_INSERT, others)
    for number, (row, charge) in enumerate(charged, first):
        _put_leg(conn, number, row, charge)
    sums.write()
    return first


def overwrite(conn: sqlite3.Connection, row: Logged, charge: Charge) -> None:
    """Write a row anew under its number, in the sums too."""
    call_id = row.call.id
    adding.remove(conn, call_id)
    conn.execute(_UPDATE, (*_values(call_id, row, charge), call_id))
    conn.execute("DELETE FROM legs WHERE call_id = ?", (call_id,))
    _put_leg(conn, call_id, row, charge)
    adding.add(conn, call_id)


def remove(conn: sqlite3.Connection, call_id: int) -> None:
    """Take a row away, from the sums too."""
    adding.remove(conn, call_id)
    conn.execute("DELETE FROM legs WHERE call_id = ?", (call_id,))
    conn.execute("DELETE FROM calls WHERE id = ?", (call_id,))


def _values(call_id: int, row: Logged, charge: Charge) -> Sequence[object]:
    """What is written of a row, its number last."""
    marks = (*charge.marks, COPIED) if row.copied else charge.marks
    return (
        *_told(astuple(row.call)),
        row.key,
        row.call.started_us,
        row.response_id,
        charge.nanos,
        charge.confidence.value,
        as_json(marks) if marks else None,
        sum(charge.leg_saved) if charge.leg_saved else None,
        *astuple(row.leg.usage),
        call_id,
    )


def _put_leg(conn: sqlite3.Connection, call_id: int, row: Logged, charge: Charge) -> None:
    """A call without a leg is one of its own model: only what moved its price has to be written besides."""
    leg = row.leg
    if not leg.fees and terms.is_standard(leg.context):
        return
    context, fees = leg.context, as_json(leg.fees) if leg.fees else None
    about = (call_id, 0, leg.model, leg.kind, True, context.tier, context.speed, context.geo, fees)
    saved = sum(charge.leg_saved) if charge.leg_saved else None
    conn.execute(_PUT_LEG, (*about, charge.nanos, saved, *astuple(leg.usage)))


def leg_of(conn: sqlite3.Connection, row: Logged) -> Leg:
    """The leg of a row that was read back, with what moved its price."""
    for tier, speed, geo, fees in conn.execute(_LEG_OF, (row.call.id,)):
        counted = json.decode(fees, type=tuple[tuple[str, int], ...]) if fees else ()
        return replace(row.leg, context=Context(tier, speed, geo), fees=counted)
    return row.leg


def logged_of(row: Row) -> tuple[Logged, Charge]:
    """A logged row from `COLUMNS`; its leg has no context and no fees."""
    call = call_of(row[:_CALL_SIZE])
    key, _, response_id, nanos, confidence, marks, _, *buckets = row[_CALL_SIZE:]
    told = json.decode(marks, type=tuple[str, ...]) if marks else ()
    charge = Charge(nanos or 0, Confidence(confidence), tuple(mark for mark in told if mark != COPIED))
    return Logged(key, call, Leg(call.model, Usage(*buckets)), response_id, copied=COPIED in told), charge
