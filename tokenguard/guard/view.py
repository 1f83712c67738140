"""What is being spent now, as `tokenguard status --json` and the control API tell it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tokenguard.config.zones import local_zone
from tokenguard.guard.holds import Hold
from tokenguard.guard.leftovers import still
from tokenguard.guard.registry import Live
from tokenguard.guard.slots import resets_at
from tokenguard.ledger import Ledger, Where, queries
from tokenguard.ledger.subagents import SubAgent
from tokenguard.policy import wording
from tokenguard.policy.budgets import TEAM, Standing
from tokenguard.policy.forecast import Forecast
from tokenguard.policy.windows import window_at
from tokenguard.records import OfficialWindow, Session, Totals

_HOUR_US = 3_600_000_000


def lately(ledger: sqlite3.Connection, now_us: int) -> dict[str, Any]:
    """The sums since midnight of the machine's zone, and of the last hour: how much, and how fast."""
    midnight_us = window_at("day", now_us, local_zone()).start_us
    return {
        "today": totals_view(queries.totals(ledger, since_us=midnight_us)),
        "hour": totals_view(queries.totals(ledger, since_us=now_us - _HOUR_US)),
    }


def totals_view(totals: Totals) -> dict[str, Any]:
    """Sums, by the names of the interface."""
    return {
        "calls": totals.calls,
        "cost_nanos": totals.cost_nanos,
        "cost_low_nanos": totals.cost_nanos - totals.below_nanos,
        "cost_high_nanos": totals.cost_nanos + totals.above_nanos,
        "usage": totals.usage,
        "notional_nanos": totals.notional_nanos,
        "confidence": totals.confidence,
        "unpriced": totals.unpriced,
    }


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


def budget_view(standing: Standing) -> dict[str, Any]:
    """A slot of a budget."""
    budget, resets = standing.slot.budget, resets_at(standing)
    return {
        "name": budget.name,
        "label": standing.slot.label,
        "scope": budget.scope,
        "key": _key(standing),
        "window": budget.window,
        "unit": budget.unit,
        "bucket": budget.bucket,
        "counts": budget.counts,
        "official": budget.official,
        "limit": standing.limit,
        "spent": standing.spent,
        "reserved": standing.reserved,
        "remaining": standing.remaining,
        "overrun": standing.overrun,
        "landing": budget.landing,
        "landing_released": budget.landing > 0 and standing.held_back == 0,
        "level": standing.level,
        "resets_at": resets.isoformat() if resets else None,
        "mode": budget.mode,
        "overshoot": standing.overshoot,
        "at_limit": budget.at_limit,
        "source": budget.source,
        "forecast": standing.forecast and forecast_view(standing.forecast),
        **(team_view(standing) if budget.scope == TEAM else {}),
    }


def team_view(standing: Standing) -> dict[str, Any]:
    """What is known of the others of a team's budget; nothing of it is known where nobody was heard of."""
    share = standing.share
    told: dict[str, Any] = {"team": standing.slot.budget.source.partition(":")[2]}
    for name in ("others", "held", "presumed", "free", "granted"):
        told[name] = getattr(share, name) if share else None
    if share is not None and share.granted is None:  # Nothing is handed out: what is spent here is not free either.
        told["free"] = max(0, standing.limit - standing.spent)
    return told


def forecast_view(forecast: Forecast) -> dict[str, Any]:
    """Where a budget's spending is going, in its unit."""
    return {
        "per_hour": forecast.per_hour,
        "full_at": instant(forecast.full_us) if forecast.full_us else None,
        "likely": forecast.likely,
        "low": forecast.low,
        "high": forecast.high,
    }


def level_view(standing: Standing) -> dict[str, Any]:
    """A level that a budget has reached, as the event tells it."""
    return {
        "budget": standing.slot.label,
        "key": _key(standing),
        "level": standing.level,
        "spent": standing.spent,
        "limit": standing.limit,
        "unit": standing.slot.budget.unit,
        "window_end_us": standing.resets_us,
    }


def ledger_view(ledger: Ledger) -> dict[str, Any]:
    """Whether the ledger can be written: why not, how many charges wait for it, where a corrupt one was put."""
    return {
        "failing": ledger.failing and ledger.failing.message,
        "kept": ledger.kept,
        "set_aside": ledger.set_aside and str(ledger.set_aside),
    }


def window_view(window: OfficialWindow) -> dict[str, Any]:
    """A window that a provider keeps."""
    return {
        "provider": window.provider,
        "name": window.name,
        "used_percent": window.used_percent,
        "resets_at": instant(window.resets_us) if window.resets_us else None,
        "seen_at": instant(window.seen_us),
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


def _key(standing: Standing) -> str:
    return standing.slot.key.replace("\0", ":")


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


def instant(at_us: int) -> str:
    """ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
