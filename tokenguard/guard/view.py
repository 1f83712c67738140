"""What is being spent now, as `tokenguard status --json` and the control API tell it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tokenguard.config.settings import local_zone
from tokenguard.guard.counting import resets_at
from tokenguard.guard.registry import Live
from tokenguard.ledger import Where, queries
from tokenguard.policy.budgets import Standing
from tokenguard.policy.windows import window_at
from tokenguard.records import Totals

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
        "confidence": totals.confidence,
        "unpriced": totals.unpriced,
    }


def session_view(live: Live, reserved_nanos: int) -> dict[str, Any]:
    """A running session."""
    session = live.session
    return {
        "id": session.id,
        "agent": session.agent,
        "repo": session.repo,
        "branch": live.place.branch() or session.branch,
        "pid": session.pid,
        "state": "running",
        "in_flight": live.in_flight,
        "refused": live.refused,
        "task": session.task,
        "labels": dict(session.labels),
        "reserved_nanos": reserved_nanos,
        "started_at": instant(session.started_us),
        "last_call_at": instant(live.last_us) if live.last_us else None,
        **totals_view(live.totals),
    }


def budget_view(standing: Standing) -> dict[str, Any]:
    """A slot of a budget."""
    budget, resets = standing.slot.budget, resets_at(standing.slot)
    return {
        "name": budget.name,
        "label": standing.slot.label,
        "scope": budget.scope,
        "key": standing.slot.key.replace("\0", ":"),
        "window": budget.window,
        "unit": budget.unit,
        "limit": standing.limit,
        "spent": standing.spent,
        "reserved": standing.reserved,
        "remaining": standing.remaining,
        "level": standing.level,
        "resets_at": resets.isoformat() if resets else None,
        "mode": budget.mode,
        "at_limit": budget.at_limit,
        "source": budget.source,
    }


def summary_view(ledger: sqlite3.Connection, live: Live, budgets: Iterable[Standing]) -> dict[str, Any]:
    """What a session that has ended cost, by model: what `run` shows last."""
    session = live.session
    groups = queries.grouped(ledger, ["model"], Where(session=session.id))
    groups.sort(key=lambda group: group.totals.cost_nanos, reverse=True)
    return {
        "id": session.id,
        "agent": session.agent,
        "repo": session.repo,
        "task": session.task,
        "labels": dict(session.labels),
        "started_at": instant(session.started_us),
        "refused": live.refused,
        **totals_view(queries.totals(ledger, Where(session=session.id))),
        "models": [{"model": group.key[0], **totals_view(group.totals)} for group in groups],
        "budgets": [budget_view(standing) for standing in budgets],
    }


def instant(at_us: int) -> str:
    """ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
