"""What is being spent now, as `tokenguard status --json` and the control API tell it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from tokenguard.guard.holds import Hold
from tokenguard.guard.leftovers import still
from tokenguard.guard.registry import Live
from tokenguard.guard.showing import budget_view, instant, totals_view
from tokenguard.ledger import Ledger, Where, queries
from tokenguard.ledger.subagents import SubAgent
from tokenguard.policy import wording
from tokenguard.policy.budgets import Standing
from tokenguard.records import Session


def session_view(live: Live, reserved_nanos: int, state: str = "running") -> dict[str, Any]:
    """A session: `running`, `waiting` (a call waits for an approval), `suspended`, or `ended` but for leftovers."""
    session = live.session
    return {
        "id": session.id,
        "agent": session.agent,
        "parent": session.parent,
        "repo": session.repo,
        "branch": live.place.branch() or session.branch,
        "pid": session.pid,
        "state": state,
        "left": still(live.left),
        "wrapped": live.token_hash is not None,
        "in_flight": live.in_flight,
        "your_turn": live.your_turn and not live.in_flight,
        "refused": live.refused,
        "task": session.task,
        "labels": dict(session.labels),
        "reserved_nanos": reserved_nanos,
        "started_at": instant(session.started_us),
        "last_call_at": instant(live.last_us) if live.last_us else None,
        **totals_view(live.totals),
        "classes": live.beside.classes,
        "sub_agents": [subagent_view(one) for one in live.beside.subagents.values()],
    }


def subagent_view(one: SubAgent) -> dict[str, Any]:
    """A sub-agent of a session, with what it cost."""
    return {"id": one.id, "type": one.type, "model": one.model, **totals_view(one.totals)}


def ledger_view(ledger: Ledger) -> dict[str, Any]:
    """Whether the ledger can be written: why not, how many charges wait for it, where a corrupt one was put."""
    return {
        "failing": ledger.failing and ledger.failing.message,
        "kept": ledger.kept,
        "set_aside": ledger.set_aside and str(ledger.set_aside),
    }


def hold_view(hold: Hold) -> dict[str, Any]:
    """A call that waits for an approval, or an agent that `wants` more of a budget."""
    call = hold.call
    return {
        "id": hold.id,
        "session": call.session,
        "agent": call.agent,
        "repo": call.repo,
        "model": call.model,
        "estimate_nanos": hold.estimate_nanos,
        "budget": hold.budget,
        "unit": hold.slot.budget.unit if hold.slot else None,
        "wants": hold.wants,
        "cheaper": hold.cheaper and {"model": hold.cheaper[0], "estimate_nanos": hold.cheaper[1]},
        "reason": wording.cause(hold.reason),
        "asked_at": instant(hold.asked_us),
        "expires_at": instant(hold.expires_us),
    }


def summary_view(
    ledger: sqlite3.Connection,
    live: Live,
    budgets: Iterable[Standing],
    inner: Iterable[Session] = (),
    *,
    written: bool = True,
) -> dict[str, Any]:
    """What a session that has ended cost, by model, with all that was started `inner` to it: what `run` shows last.

    Unless all of it is `written`, the sums are those in memory, and its own.
    """
    session = live.session
    family = Where(family=session.id)
    groups = queries.grouped(ledger, ["model"], family)
    groups.sort(key=lambda group: group.totals.cost_nanos, reverse=True)
    return {
        "id": session.id,
        "agent": session.agent,
        "repo": session.repo,
        "task": session.task,
        "labels": dict(session.labels),
        "started_at": instant(session.started_us),
        "refused": live.refused,
        "unauthorized": live.unauthorized,
        "guests": sorted(live.guests),
        **totals_view(queries.totals(ledger, family) if written else live.totals),
        "inner": [inner_view(ledger, one) for one in inner],
        "left": live.left,
        "models": [{"model": group.key[0], **totals_view(group.totals)} for group in groups],
        "budgets": [budget_view(standing) for standing in budgets],
    }


def inner_view(ledger: sqlite3.Connection, session: Session) -> dict[str, Any]:
    """A session that was started in another one, with what it cost itself."""
    totals = queries.totals(ledger, Where(session=session.id))
    return {"id": session.id, "agent": session.agent, "running": session.ended_us is None, **totals_view(totals)}
