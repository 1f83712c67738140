"""Limits in the status, a row each: budgets, and windows that providers keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tokenguard.cli import output
from tokenguard.policy import money
from tokenguard.policy.naming import printable, window_name
from tokenguard.records import Unit

_LEVELS = {"ok": "", "info": "info", "warn": "warn", "soft": "soft", "hard": "used up"}

_FRESH = timedelta(minutes=15)
"""What a provider said of its window longer ago than this is shown with its time."""

_WIDEST = 0.75
"""A forecast says nothing whose band is wider than this part of it, as in the first hours that anything is known of."""


def budget(one: Mapping[str, Any], now: datetime) -> Sequence[str]:
    """`web/day  $16.40  of $20.00  82%  warn  resets 00:00`; the level in words too, for those who see no colours."""
    unit = Unit(one["unit"])
    spent, limit = money.amount(one["spent"], unit), f"of {money.limit(one['limit'], unit)}"
    used = f"{money.percent(one['spent'], one['limit'])}%"
    if unit is Unit.PERCENT:  # of a window, like those that providers keep: a share of that share would only confuse
        spent, limit, used = "", f"limit {one['limit']}%", spent
    level = output.styled(_LEVELS[one["level"]], one["level"])
    resets = datetime.fromisoformat(one["resets_at"]) if one["resets_at"] else None
    forecast: Mapping[str, Any] = one.get("forecast") or {}
    per_hour, full = forecast.get("per_hour"), _local(forecast.get("full_at"), now)
    speed = f"{money.amount(per_hour, unit)}/h" if per_hour else ""
    until = f"full ≈{_at(full, now)}" if full and full > now else ""
    notes = [
        _shared(one),
        _end(forecast, unit, one["spent"]),
        _landing(one, unit),
        _set_aside(one, unit),
        _overrun(one, unit),
    ]
    besides = " · ".join(filter(None, notes))
    return printable(one["label"]), spent, limit, used, level, _resets(resets, now), speed, until, besides


def _end(forecast: Mapping[str, Any], unit: Unit, spent: int) -> str:
    """`ends ≈$24.00 ($18.00 to $31.00)`: what the window comes to."""
    likely, low, high = (forecast.get(key) for key in ("likely", "low", "high"))
    if likely is None or low is None or high is None or high <= spent or high - low > likely * _WIDEST:
        return ""
    least, most = (money.amount(end, unit).partition(" ")[0] for end in (low, high))
    return f"ends ≈{money.amount(likely, unit)}" + ("" if least == most else f" ({least} to {most})")


def _shared(one: Mapping[str, Any]) -> str:
    """What others have of a limit that is shared with them."""
    if "team" not in one:
        return ""
    if one["others"] is None:
        return "nothing heard of the others"
    elsewhere = (one["held"] or 0) + (one["presumed"] or 0)
    held = f", {money.usd(elsewhere)} held by them" if elsewhere else ""
    return f"{money.usd(one['others'])} by others{held}"


def _landing(one: Mapping[str, Any], unit: Unit) -> str:
    """What the budget keeps back so that work can be saved."""
    if not one.get("landing"):
        return ""
    return f"landing {money.limit(one['landing'], unit)} {'open' if one['landing_released'] else 'kept'}"


def _overrun(one: Mapping[str, Any], unit: Unit) -> str:
    """By how much calls that did not pass here have overdrawn a strict budget."""
    return f"{money.amount(one['overrun'], unit)} over by what only logs tell of" if one.get("overrun") else ""


def _set_aside(one: Mapping[str, Any], unit: Unit) -> str:
    """What calls in flight may take."""
    return f"{money.amount(one['reserved'], unit)} set aside" if one.get("reserved") else ""


def window(one: Mapping[str, Any], now: datetime) -> Sequence[str]:
    """`Claude 5 h  62%  resets 14:05`: a window that the provider itself keeps."""
    used = int(one["used_percent"])
    level = "hard" if used >= 100 else "ok"
    resets, seen = (_local(one[key], now) for key in ("resets_at", "seen_at"))
    old = f"as of {_at(seen, now)}" if seen and now - seen > _FRESH else ""
    name = printable(window_name(one["provider"], one["name"]))
    told = output.styled(_LEVELS[level], level)
    return name, "", "", f"{used}%", told, _resets(resets, now), "", "", old


def _local(at: str | None, now: datetime) -> datetime | None:
    return datetime.fromisoformat(at).astimezone(now.tzinfo) if at else None


def _resets(at: datetime | None, now: datetime) -> str:
    return f"resets {_at(at, now)}" if at else ""


def _at(at: datetime, now: datetime) -> str:
    """`14:05`; `Nov 29` where that is a day or more away."""
    return f"{at:%H:%M}" if abs(at - now) < timedelta(days=1) else f"{at:%b} {at.day}"
