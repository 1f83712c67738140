"""The windows in which budgets count: calendar spans in a time zone, as instants.

A window is a half-open span of instants; the windows of one kind and zone cut time without gap or overlap,
whatever daylight saving does. A reset is therefore a query: a call counts in the window in which it started.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo

from msgspec import Struct

KINDS = ("session", "day", "week", "month", "quarter", "year", "total")
"""Every window that a budget can name."""


class Window(Struct, frozen=True):
    """Instants `start_us <= t < end_us`; no end where the window never resets."""

    start_us: int = 0
    end_us: int | None = None


FOREVER = Window()

_SECOND = 1_000_000


def window_at(kind: str, at_us: int, zone: tzinfo) -> Window:
    """The window of this kind that holds the instant. `session` and `total` never reset."""
    if kind not in _FIRST_DAY:
        return FOREVER
    first, following = _FIRST_DAY[kind], _NEXT_DAY[kind]
    day = first(datetime.fromtimestamp(at_us / _SECOND, zone).date())
    start, end = _midnight(day, zone), _midnight(following(day), zone)
    if at_us < start:
        # Clocks set back over midnight repeat the end of a day after its successor began: the first counts.
        return Window(_midnight(first(day - timedelta(days=1)), zone), start)
    if at_us >= end:
        return Window(end, _midnight(following(following(day)), zone))
    return Window(start, end)


def _midnight(day: date, zone: tzinfo) -> int:
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(local.astimezone(UTC).timestamp()) * _SECOND


def _month(day: date, months: int) -> date:
    """First day of the month that many months on."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


_FIRST_DAY: dict[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
_NEXT_DAY: dict[str, Callable[[date], date]] = {
    "day": lambda day: day + timedelta(days=1),
    "week": lambda day: day + timedelta(days=7),
    "month": lambda day: _month(day, 1),
    "quarter": lambda day: _month(day, 3),
    "year": lambda day: _month(day, 12),
}
