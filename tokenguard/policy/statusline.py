"""The text of a status line: `$14.82 today · $3.10/h · web/day 82% $3.60 left · 5h 70% until 11:54 · week 41%`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from tokenguard.policy import money
from tokenguard.records import Confidence, Unit

LEVEL_WORDS = {"info": "info", "warn": "warn", "soft": "soft", "hard": "used up"}
"""What is said of a level that is not `ok`, from the mildest on."""

_WINDOWS = {"five_hour": "5h", "seven_day": "week"}
_AGENT = "claude"
"""The agent that a line is for where nothing else is known."""
_PROVIDERS = {_AGENT: "anthropic"}
"""Of agents, the provider whose windows matter to them."""

_MOST_PERCENT = 101
"""Some versions of Claude Code told impossible percentages."""


def line(given: Mapping[str, Any], status: Mapping[str, Any] | None, session: str | None, now: datetime) -> str:
    """The line, of what Claude Code told (anything at all) and the daemon's status; None if none answers.

    `session` is the id of the session in which it is shown, if it is known; `now` is local.
    """
    if status is None:
        parts = [*_own_cost(given), "tokenguard is not running", *window_words(_told(given, now), now)]
    else:
        parts = [
            *_waiting(status, session),
            spent_today(status["totals"]["today"]),
            *speed(status["totals"].get("hour")),
            *_binding(given, status, session),
            *window_words(known_windows(status, session) or _told(given, now), now),
        ]
    return "".join(char for char in " · ".join(parts) if char.isprintable())


def spent_today(totals: Mapping[str, Any]) -> str:
    """`$4.20 today, $12.30 notional`"""
    notional = totals.get("notional_nanos", 0)
    beside = f", {money.usd(notional)} notional" if notional else ""
    return f"{_cost(totals)} today{beside}"


def speed(totals: Mapping[str, Any] | None) -> Iterator[str]:
    """What the last hour took; nothing if it took nothing that is billed."""
    if totals and totals["cost_nanos"]:
        yield f"{_cost(totals)}/h"


def _cost(totals: Mapping[str, Any]) -> str:
    return money.usd(totals["cost_nanos"], about=totals["confidence"] != Confidence.EXACT or totals["unpriced"] > 0)


def _own_cost(given: Mapping[str, Any]) -> Iterator[str]:
    """Claude Code's own estimate of what it has cost."""
    usd = _number(_at(given, "cost", "total_cost_usd"))
    if usd is not None and 0 <= usd < 1e6:
        yield f"{money.usd(round(usd * money.NANOS), about=True)} this session"


def _waiting(status: Mapping[str, Any], session: str | None) -> Iterator[str]:
    """The call of this session that waits for an answer."""
    for hold in status.get("holds", ()):
        if session is None or hold["session"] == session:
            yield f"! waiting: tokenguard approve {hold['id']}"
            return


def _binding(given: Mapping[str, Any], status: Mapping[str, Any], session: str | None) -> Iterator[str]:
    """Of the budgets that count this session, the one that is used most."""
    values = _values(given, status, session)
    mine = [budget for budget in status["budgets"] if _counts(budget, values)]
    if mine:
        yield budget_words(max(mine, key=used_share), session)


def _values(given: Mapping[str, Any], status: Mapping[str, Any], session: str | None) -> Mapping[str, object]:
    """What budgets count by: of our session, or as far as Claude Code tells it."""
    known = {"agent": _AGENT, "repo": str(_at(given, "workspace", "project_dir") or ""), "branch": None}
    known |= _session(status, session)
    return {
        "session": session,
        "agent": known["agent"],
        "provider": _PROVIDERS.get(str(known["agent"])),
        "model": _at(given, "model", "id"),
        "repo": known["repo"],
        "branch": f"{known['repo']}:{known['branch']}",
        "task": known.get("task"),
    }


def _session(status: Mapping[str, Any], session: str | None) -> Mapping[str, Any]:
    """What the daemon knows of the session; nothing if it knows none of this id."""
    found: list[Mapping[str, Any]] = [one for one in status["sessions"] if one["id"] == session]
    return found[0] if found else {}


def _counts(budget: Mapping[str, Any], values: Mapping[str, object]) -> bool:
    official = budget.get("official")
    if official is not None:
        return str(official).startswith(f"{values['provider']}/")
    return budget["scope"] in ("global", "user") or budget["key"] == values.get(budget["scope"])


def used_share(budget: Mapping[str, Any]) -> float:
    """How much of its limit is spent; 1 is all of it."""
    return budget["spent"] / budget["limit"] if budget["limit"] else 1.0


def budget_words(budget: Mapping[str, Any], session: str | None) -> str:
    """`web/day 92% soft $1.60 left`"""
    own = budget["scope"] == "session" and budget["key"] == session
    unit, level, spent, limit = Unit(budget["unit"]), budget["level"], budget["spent"], budget["limit"]
    used = f"{spent}% of {limit}%" if unit is Unit.PERCENT else f"{money.percent(spent, limit)}%"
    parts = ["this run" if own else budget["label"], used, LEVEL_WORDS.get(level, "")]
    if level != "hard" and unit is not Unit.PERCENT:
        parts.append(f"{money.amount(max(0, budget['remaining']), unit)} left")
    return " ".join(part for part in parts if part)


def known_windows(status: Mapping[str, Any], session: str | None) -> dict[str, tuple[float, datetime | None]]:
    """Share and end of each official window of its agent's that the daemon knows of."""
    provider = _PROVIDERS.get(str(_session(status, session).get("agent", _AGENT)))
    return {
        one["name"]: (one["used_percent"], datetime.fromisoformat(one["resets_at"]) if one["resets_at"] else None)
        for one in status.get("windows", ())
        if one["provider"] == provider
    }


def _told(given: Mapping[str, Any], now: datetime) -> dict[str, tuple[float, datetime | None]]:
    """The same, as Claude Code tells it: percentages, and seconds since the epoch."""
    told: dict[str, tuple[float, datetime | None]] = {}
    for name in _WINDOWS:
        used = _number(_at(given, "rate_limits", name, "used_percentage"))
        resets = _number(_at(given, "rate_limits", name, "resets_at"))
        if used is not None and 0 <= used <= _MOST_PERCENT:
            left = None if resets is None else resets - now.timestamp()
            # What has been reset since was told long ago.
            if left is None or 0 < left < 366 * 86_400:
                told[name] = used, None if left is None else now + timedelta(seconds=left)
    return told


def window_words(windows: Mapping[str, tuple[float, datetime | None]], now: datetime) -> Iterator[str]:
    """`5h 70% until 11:54` of each, by its share and its end."""
    for name, label in _WINDOWS.items():
        if name in windows:
            used, resets = windows[name]
            near = resets is not None and resets - now < timedelta(days=1)
            yield f"{label} {int(used)}%" + (f" until {resets.astimezone(now.tzinfo):%H:%M}" if resets and near else "")


def _at(value: object, *names: str) -> object:
    """What stands under these names; None where there is nothing of the kind."""
    for name in names:
        value = cast("dict[object, object]", value).get(name) if isinstance(value, dict) else None
    return value


def _number(value: object) -> float | None:
    """A number that is one, and not beyond all reason."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 else None
