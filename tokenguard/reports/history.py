"""A day, a week or a month in slots: what each took, of what, what is still to come, and the habit of hours."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any, Literal

from msgspec import Struct

from tokenguard.ledger.queries import ALL, grouped, hourly, snapshot, totals
from tokenguard.policy.forecast import DAY_US, HOUR_US, forecast, of_span
from tokenguard.policy.windows import Window, window_at
from tokenguard.records import Amount, Totals
from tokenguard.reports.instants import buckets

Measure = Literal["spend", "list", "tokens"]
"""What is billed, what all calls come to at list price, in nanodollars; tokens."""

_SLOT = {"day": "hour", "week": "day", "month": "day"}
_HABIT_US = 28 * DAY_US
"""What the habit of hours is made of: four times each hour of a week."""
_MOST_BACK = 400
_NO_LIMIT = 2**62

_OF_TOTALS: dict[Measure, Callable[[Totals], int]] = {
    "spend": lambda sums: sums.cost_nanos,
    "list": lambda sums: sums.cost_nanos + sums.notional_nanos,
    "tokens": lambda sums: sums.usage.total,
}
_OF_AMOUNT: dict[Measure, Callable[[Amount, Amount], int]] = {
    "spend": lambda amount, notional: amount.nanos - notional.nanos,
    "list": lambda amount, _: amount.nanos,
    "tokens": lambda amount, _: amount.tokens,
}
_Hours = list[tuple[int, int]]


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """Which window, cut how, measured in what."""

    window: Literal["day", "week", "month"] = "day"
    back: int = 0
    """How many windows before the present one."""
    by: Literal["model", "agent", "repo"] = "model"
    measure: Measure | None = None
    """None is `spend`, or `list` where nothing was billed but for which there is a list price."""


def history(conn: sqlite3.Connection, asked: Asked, now_us: int, zone: tzinfo) -> dict[str, Any]:
    """The window in slots (hours of a day, else days), with a series for each value of `by`, the largest first.

    `ahead` and `course` are about the slots from the present one on, and empty for a window that is over: what each
    slot still takes, and what the window has come to at its end, both as (likely, low, high) or None where too little
    is known. `hours` are sums of the last four weeks by weekday (Monday first) and local hour.
    """
    window = _window(asked, now_us, zone)
    until_us = window.end_us or now_us
    slots = list(_slots(_SLOT[asked.window], window.start_us, until_us, zone))
    with snapshot(conn):
        total = totals(conn, ALL, window.start_us, until_us)
        measure = asked.measure or ("list" if total.notional_nanos > 0 == total.cost_nanos else "spend")
        parts = [
            {group.key[0]: group.totals for group in grouped(conn, [asked.by], ALL, start_us, end_us)}
            if start_us <= now_us
            else {}
            for start_us, end_us in slots
        ]
        habit = hourly(conn, ALL, now_us - _HABIT_US, now_us + HOUR_US)
    of, sums = _OF_AMOUNT[measure], _OF_TOTALS[measure]
    hours = [(start, of(amount, notional)) for start, amount, notional in habit]
    present = [slot for slot in slots if slot[1] > now_us] if not asked.back else []
    return {
        "window": asked.window,
        "back": asked.back,
        "by": asked.by,
        "measure": measure,
        "since": _instant(window.start_us, zone),
        "until": _instant(until_us, zone),
        "slots": [_instant(start_us, zone) for start_us, _ in slots],
        "series": _series(parts, sums),
        "total": sums(total),
        "notional": total.notional_nanos,
        "calls": total.calls,
        "confidence": total.confidence,
        "unpriced": total.unpriced,
        "ahead": [of_span(hours, now_us, max(now_us, start_us), end_us) for start_us, end_us in present],
        "course": [_course(sums(total), now_us, end_us, hours) for _, end_us in present],
        "hours": _by_weekday(hours, zone),
    }


def _window(asked: Asked, now_us: int, zone: tzinfo) -> Window:
    window = window_at(asked.window, now_us, zone)
    for _ in range(min(asked.back, _MOST_BACK)):
        window = window_at(asked.window, window.start_us - 1, zone)
    return window


def _slots(key: str, since_us: int, until_us: int, zone: tzinfo) -> Iterator[tuple[int, int]]:
    for bucket in buckets(key, since_us, until_us, zone):
        end_us = min(bucket.end_us, until_us)
        yield since_us, end_us
        since_us = end_us


def _series(parts: Sequence[dict[str | None, Totals]], sums: Callable[[Totals], int]) -> list[dict[str, Any]]:
    names = dict.fromkeys(name for part in parts for name in part)
    whole = {name: sum((part[name] for part in parts if name in part), Totals()) for name in names}
    return [
        {
            "name": name,
            "values": [sums(part[name]) if name in part else 0 for part in parts],
            "total": sums(whole[name]),
            "calls": whole[name].calls,
            "confidence": whole[name].confidence,
            "unpriced": whole[name].unpriced,
        }
        for name in sorted(names, key=lambda name: (-sums(whole[name]), name or ""))
    ]


def _course(spent: int, now_us: int, end_us: int, hours: _Hours) -> tuple[int, int, int] | None:
    last_hour = sum(value for start, value in hours if start > now_us - HOUR_US)
    found = forecast(spent=spent, limit=_NO_LIMIT, now_us=now_us, end_us=end_us, last_hour=last_hour, hours=hours)
    if found.likely is None or found.low is None or found.high is None:
        return None
    return found.likely, found.low, found.high


def _by_weekday(hours: _Hours, zone: tzinfo) -> list[list[int]]:
    sums = [[0] * 24 for _ in range(7)]
    for start_us, value in hours:
        at = datetime.fromtimestamp(start_us // 1_000_000, zone)
        sums[at.weekday()][at.hour] += value
    return sums


def _instant(at_us: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, zone).isoformat()
