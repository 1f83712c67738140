"""Everything that changes the ledger, as functions over the writer's connection; none begins or ends a transaction."""

from __future__ import annotations

import sqlite3

from msgspec.structs import astuple

from tokenguard.ledger import adding, logged
from tokenguard.ledger.rows import (
    CALL,
    DECISION,
    EXPERIENCE,
    OFFICIAL,
    RAISE,
    SESSION,
    TOLD,
    as_json,
    experience_row,
    places,
    session_row,
)
from tokenguard.ledger.values import Decision, Raise, Settlement, Told
from tokenguard.policy.estimate import Experience
from tokenguard.records import Amount, Call, Charge, Confidence, Leg, OfficialWindow, Session, Usage, Verdict

_USAGE = ", ".join(Usage.__struct_fields__)
_COST = "cost_nanos, cost_low, cost_high, confidence, marks, saved_nanos"
_END = f"ended_us, status, outcome, served, response_id, {_COST}, {_USAGE}"
_LEG = f"call_id, idx, model, kind, billed, tier, speed, geo, fees, cost_nanos, saved_nanos, {_USAGE}"

_RESERVE = f"""INSERT INTO calls ({CALL}, reserved_nanos, reserved_tokens, budget, reason, state)
    VALUES ({places(CALL)}, ?, ?, ?, ?, 'open')"""
_REFUSE = f"INSERT INTO calls ({CALL}, budget, reason, state) VALUES ({places(CALL)}, ?, ?, 'refused')"
_SETTLE = f"""UPDATE calls
    SET {", ".join(f"{column.strip()} = ?" for column in _END.split(","))}, billing = ?, state = 'settled'
    WHERE id = ? AND state = 'open'"""
_SETTLE_UNRESERVED = f"INSERT INTO calls ({CALL}, {_END}, state) VALUES ({places(CALL)}, {places(_END)}, 'settled')"
_ADD_LEG = f"INSERT INTO legs ({_LEG}) VALUES ({places(_LEG)})"
_CALLED_TOOLS = """UPDATE calls SET tool_free = 0 WHERE tool_free = 1 AND id = (
    SELECT id FROM calls WHERE session = ? AND started_us <= ? AND id <> ? AND state <> 'refused'
        AND agent_session IS ? AND subagent IS ? AND request_class = ?
    ORDER BY started_us DESC, id DESC LIMIT 1)"""
_WITHDRAW = """UPDATE calls SET state = 'refused', reserved_nanos = 0, reserved_tokens = 0, reason = ?
    WHERE id = ? AND state = 'open'"""
_PRESUME = """UPDATE calls
    SET state = 'presumed', outcome = 'presumed', cost_nanos = reserved_nanos, confidence = 'bound',
        cost_low = 0, cost_high = reserved_nanos
    WHERE state = 'open' AND started_us < ? AND id < ? RETURNING id"""
_OPEN_SESSION = f"INSERT INTO sessions ({SESSION}, token_hash) VALUES ({places(SESSION)}, ?)"
_SET_PID = "UPDATE sessions SET pid = ? WHERE id = ?"
_END_SESSION = "UPDATE sessions SET ended_us = ?, exit_code = ? WHERE id = ? AND ended_us IS NULL"
_RAISE_BUDGET = f"INSERT INTO raises ({RAISE}) VALUES ({places(RAISE)})"
_DECIDE = f"INSERT INTO decisions ({DECISION}) VALUES ({places(DECISION)})"
_TELL = f"INSERT OR IGNORE INTO levels ({TOLD}) VALUES ({places(TOLD)})"
_FORGET_TOLD = "DELETE FROM levels WHERE until_us <= ?"
_LEARN = f"""INSERT OR REPLACE INTO experience (provider, model, has_tools, {EXPERIENCE})
    VALUES (?, ?, ?, {places(EXPERIENCE)})"""
_SEE_WINDOW = f"INSERT OR REPLACE INTO official_windows ({OFFICIAL}) VALUES ({places(OFFICIAL)})"


def reserve(conn: sqlite3.Connection, call: Call, reserved: Amount, verdict: Verdict | None) -> None:
    """A call that is about to be forwarded; `verdict` is the warning that it was let through with, if any."""
    told = (verdict.budget, verdict.reason) if verdict else (None, None)
    conn.execute(_RESERVE, (*astuple(call), reserved.nanos, reserved.tokens, *told))
    _note_tools(conn, call)


def _note_tools(conn: sqlite3.Connection, call: Call) -> None:
    """A call that brings results of tools shows that the one before it in its conversation called them."""
    if call.tool_free is False:
        whose = (call.agent_session, call.subagent, call.request_class)
        conn.execute(_CALLED_TOOLS, (call.session, call.started_us, call.id, *whose))


def refuse(conn: sqlite3.Connection, call: Call, verdict: Verdict) -> None:
    """A call that was not forwarded."""
    conn.execute(_REFUSE, (*astuple(call), verdict.budget, verdict.reason))


def withdraw(conn: sqlite3.Connection, call_id: int, reason: str) -> None:
    """A call that was let through, and not forwarded after all."""
    conn.execute(_WITHDRAW, (reason, call_id))


def settle(conn: sqlite3.Connection, settlement: Settlement) -> bool:
    """The charge of a call in place of its reservation; a call that was never reserved is added.

    Whether its agent's own log had told of it already: what that counted counts no more.

    Its call is the one that was reserved, but for who pays: before the answer that was only expected.

    Settling a call twice breaks the primary key, so that nothing is counted twice.
    """
    call, charge, legs = settlement.call, settlement.charge, settlement.legs
    charged = charge or _UNPRICED
    saved = charged.leg_saved if len(charged.leg_saved) == len(legs) else ()
    end = (
        settlement.ended_us,
        settlement.status,
        settlement.outcome,
        settlement.served,
        settlement.response_id,
        charge.nanos if charge else None,
        charged.low_nanos,
        charged.high_nanos,
        charged.confidence.value,
        as_json(charged.marks) if charged.marks else None,
        sum(saved) if saved else None,
        *astuple(settlement.usage),
    )
    if conn.execute(_SETTLE, (*end, call.billing, call.id)).rowcount == 0:
        conn.execute(_SETTLE_UNRESERVED, (*astuple(call), *end))
        _note_tools(conn, call)
    usage, costs = settlement.usage, _leg_costs(charge, len(legs))
    for index, leg in enumerate(legs):
        off = saved[index] if saved else None
        conn.execute(_ADD_LEG, (call.id, index, *_leg_row(leg), costs[index], off, *astuple(leg.usage)))
    if len(legs) == 1 and legs[0].billed and legs[0].usage == usage:
        adding.add_plain(conn, call, charge, usage, legs[0].model)
    else:
        adding.add(conn, call.id)
    return logged.supersede(conn, settlement, usage, exact=charged.confidence is Confidence.EXACT)


_UNPRICED = Charge(0, Confidence.ESTIMATED)


def _leg_costs(charge: Charge | None, legs: int) -> list[int | None]:
    """What each leg cost. What the charge holds beyond its legs goes to the first, so that models add up to calls."""
    if charge is None or legs == 0:
        return [None] * legs
    costs: list[int | None] = [*charge.leg_nanos[:legs], *[0] * (legs - len(charge.leg_nanos))]
    costs[0] = charge.nanos - sum(charge.leg_nanos[1:legs])
    return costs


def _leg_row(leg: Leg) -> tuple[object, ...]:
    context = leg.context
    fees = as_json(leg.fees) if leg.fees else None
    return (leg.model, leg.kind, leg.billed, context.tier, context.speed, context.geo, fees)


def presume(conn: sqlite3.Connection, before_us: int, before_id: int) -> list[int]:
    """Open calls that started and are numbered before these become charges at their bound; their ids."""
    presumed = sorted(row[0] for row in conn.execute(_PRESUME, (before_us, before_id)).fetchall())
    for call_id in presumed:
        adding.add(conn, call_id)
    return presumed


def open_session(conn: sqlite3.Connection, session: Session, token_hash: bytes | None) -> None:
    """A session that begins; `token_hash` is the SHA-256 of its token, never the token."""
    conn.execute(_OPEN_SESSION, (*session_row(session), token_hash))


def set_pid(conn: sqlite3.Connection, session_id: str, pid: int) -> None:
    """The agent's process, known only once it was started."""
    conn.execute(_SET_PID, (pid, session_id))


def end_session(conn: sqlite3.Connection, session_id: str, ended_us: int, exit_code: int | None) -> None:
    """The first end counts."""
    conn.execute(_END_SESSION, (ended_us, exit_code, session_id))


def raise_budget(conn: sqlite3.Connection, raised: Raise) -> None:
    """An audit row; there is no function to change or remove one."""
    conn.execute(_RAISE_BUDGET, astuple(raised))


def decide(conn: sqlite3.Connection, decision: Decision) -> None:
    """An audit row; there is no function to change or remove one."""
    conn.execute(_DECIDE, astuple(decision))


def told_level(conn: sqlite3.Connection, told: Told, now_us: int) -> None:
    """A level that was told; those that may be forgotten now are."""
    conn.execute(_FORGET_TOLD, (now_us,))
    conn.execute(_TELL, astuple(told))


def learn(conn: sqlite3.Connection, provider: str, model: str, has_tools: bool, experience: Experience) -> None:
    """What calls of this kind taught so far, in place of what was known before."""
    conn.execute(_LEARN, (provider, model, has_tools, *experience_row(experience)))


def see_window(conn: sqlite3.Connection, window: OfficialWindow) -> None:
    """What a provider says of a window, in place of what it said before."""
    conn.execute(_SEE_WINDOW, astuple(window))
