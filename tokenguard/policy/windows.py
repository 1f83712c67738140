"""The windows in which budgets count, as instants: calendar spans in a time zone, and spans that end now.

A window is a half-open span of instants. The calendar windows of one kind and zone cut time without gap or overlap,
whatever the clocks do: one begins when the local date reaches its first day for the first time. A reset is therefore
a query: a call counts in the window in which it started.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from msgspec import Struct

KINDS = ("session", "day", "week", "month", "quarter", "year", "total")
"""The windows that have a name. Besides them there is `rolling` with a span: `rolling 5h`."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""The days of a week as budgets name them; their places are what `week_start` takes."""

LATEST_MONTH_START = 28
"""The last day on which every month can begin."""


class Window(Struct, frozen=True):
    """Instants `start_us <= t < end_us`; no end where the window never resets."""

    start_us: int = 0
    end_us: int | None = None


FOREVER = Window()

_SECOND = 1_000_000
_ROLLING = re.compile(r"rolling ([1-9][0-9]{0,5})([mhdw])")
_SPANS = {"m": 60 * _SECOND, "h": 3_600 * _SECOND, "d": 86_400 * _SECOND, "w": 7 * 86_400 * _SECOND}
_LONGEST_US = 366 * _SPANS["d"]

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def window_at(kind: str, at_us: int, zone: tzinfo, *, week_start: int = 0, month_start: int = 1) -> Window:
    """The window of this kind that holds the instant. `session` and `total` never reset.

    A week begins on day `week_start` (0 is Monday), a month on its day `month_start` (1 to 28), and so do the first
    months of quarters and years. A rolling window ends with the instant. Raises `ValueError` for an unknown kind.
    """
    if kind in ("session", "total"):
        return FOREVER
    span_us = rolling_us(kind)
    if span_us is not None:
        return Window(at_us - span_us + 1, at_us + 1)
    at, today = at_us // _SECOND, datetime.fromtimestamp(at_us // _SECOND, zone).date()
    first = _first_day(kind, today, week_start, month_start)
    while (end := _beginning(following := _following(kind, first), zone)) <= at:
        first = following  # Clocks were set back after the next window had begun, or the zone skipped a day.
    return Window(_beginning(first, zone) * _SECOND, end * _SECOND)


@lru_cache(maxsize=1024)
def rolling_us(kind: str) -> int | None:
    """The span of a `rolling` window; None for those of `KINDS`. Raises `ValueError` for anything else.

    Spans are whole minutes, hours, days or weeks, up to 366 days: `rolling 30m`, `rolling 5h`, `rolling 7d`.
    """
    if kind in KINDS:
        return None
    found = _ROLLING.fullmatch(kind)
    span_us = int(found[1]) * _SPANS[found[2]] if found else 0
    if not 0 < span_us <= _LONGEST_US:
        known = ", ".join(KINDS)
        raise ValueError(f'"{kind}" is not a window; use one of {known}, or "rolling 5h" (m, h, d, w; up to 366 days)')
    return span_us


def _first_day(kind: str, day: date, week_start: int, month_start: int) -> date:
    """The first day of the window to which a day belongs."""
    if kind == "day":
        return day
    if kind == "week":
        return day - timedelta(days=(day.weekday() - week_start) % 7)
    month = _month(day) - (day.day < month_start)
    return _day_of(month - month % _MONTHS[kind], month_start)


def _following(kind: str, first: date) -> date:
    """The first day of the window after the one that begins on `first`."""
    if kind in _DAYS:
        return first + timedelta(days=_DAYS[kind])
    return _day_of(_month(first) + _MONTHS[kind], first.day)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _day_of(month: int, day: int) -> date:
    return date(month // 12, month % 12 + 1, day)


@lru_cache(maxsize=4096)
def _beginning(day: date, zone: tzinfo) -> int:
    """The first second whose local date is this day or, where the zone skips it, a later one."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    # Of a midnight that comes twice, this is the first one.
    second = int(midnight.timestamp())
    if datetime.fromtimestamp(second, zone) == midnight:
        return second
    # The clocks jumped over midnight, some time before what would have been it.
    earliest = int(midnight.replace(fold=1).timestamp())
    jump = bisect_left(range(earliest, second), True, key=lambda at: datetime.fromtimestamp(at, zone) >= midnight)
    return earliest + jump
