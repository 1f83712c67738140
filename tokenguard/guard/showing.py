"""Sums, budgets and official windows by the names of the interface, for whoever looks, daemon or not."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from tokenguard.config.zones import local_zone
from tokenguard.guard.slots import resets_at
from tokenguard.ledger import queries
from tokenguard.policy.budgets import TEAM, Standing
from tokenguard.policy.forecast import Forecast
from tokenguard.policy.windows import window_at
from tokenguard.records import OfficialWindow, Totals

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


def window_view(window: OfficialWindow) -> dict[str, Any]:
    """A window that a provider keeps."""
    return {
        "provider": window.provider,
        "name": window.name,
        "used_percent": window.used_percent,
        "resets_at": instant(window.resets_us) if window.resets_us else None,
        "seen_at": instant(window.seen_us),
    }


def _key(standing: Standing) -> str:
    return standing.slot.key.replace("\0", ":")


def instant(at_us: int) -> str:
    """ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
