"""Where spending is going: how fast it is, when the limit is reached, and what the window comes to.

What is still to come is what the same hours cost on the days before, and of two weeks on, on the same days of the week.
Of less than two days nothing is known but the rate so far: the rest of a day can be anything between nothing more and
the fastest of it, and more than a day anything.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from msgspec import Struct

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
HISTORY_US = 28 * DAY_US
"""How far back the days are that are taken for an example."""

_FORESEEABLE_US = 36_525 * DAY_US
"""A century: a limit that is reached later is not reached, and no calendar has the day after 9999."""

_LEAST_DAYS = 2
_WEEK = 7
_LONGEST_RUN = 8
"""Hours for which a day's work may go on at the present rate."""
_LONGEST_UNKNOWN = 24
"""Hours beyond which nothing is said as long as there are no days to go by."""
_TENTH = 1.2816
"""Standard deviations beside the mean beyond which a tenth of a normal distribution lies."""


class Forecast(Struct, frozen=True):
    """Where a budget's spending is going, in its unit."""

    per_hour: int
    """Spent in the last hour."""
    full_us: int | None = None
    """When the limit is reached if it goes on like that; None where it is not, within the window."""
    likely: int | None = None
    """What the window will have come to at its end; None where it has none, or where nothing is known."""
    low: int | None = None
    """With a probability of 80 %, it is between this and `high`."""
    high: int | None = None


def forecast(
    *,
    spent: int,
    limit: int,
    now_us: int,
    end_us: int | None,
    last_hour: int,
    hours: Sequence[tuple[int, int]],
    span_us: int | None = None,
) -> Forecast:
    """The forecast of a window that ends at `end_us` (None: never), or that rolls and is `span_us` long.

    `hours` are (beginning, spent) of past hours within `HISTORY_US`, oldest first; hours without spending may be
    left out, also before the first: the first one tells since when anything is known.
    """
    full_us = _full(spent, limit, now_us, end_us, last_hour)
    if span_us is not None and spent < limit and last_hour * span_us <= limit * HOUR_US:
        # What a rolling window takes in at this rate it also loses.
        full_us = None
    if end_us is None:
        return Forecast(last_hour, full_us)
    left = max(0.0, (end_us - now_us) / HOUR_US)
    known_us = now_us - hours[0][0] if hours else 0
    days = min(known_us, HISTORY_US) // DAY_US
    if days >= _LEAST_DAYS:
        likely, low, high = _to_come(hours, now_us, days, left)
        high = max(high, last_hour * min(left, _LONGEST_RUN))
    elif left > _LONGEST_UNKNOWN:
        return Forecast(last_hour, full_us)
    else:
        rate = sum(value for _, value in hours) * HOUR_US / max(known_us, HOUR_US)
        likely, low, high = rate * left, 0.0, max(rate, last_hour) * left
    return Forecast(last_hour, full_us, *(spent + round(more) for more in (likely, low, high)))


def of_span(hours: Sequence[tuple[int, int]], now_us: int, since_us: int, until_us: int) -> tuple[int, int, int] | None:
    """What a span to come, of at most about a day, takes: (likely, low, high) by the same hours of the days before.

    `hours` are as for `forecast`. None where less than two such days are known.
    """
    begin_us = max(hours[0][0], now_us - HISTORY_US) if hours else now_us
    nearest = max(1, -(-(until_us - now_us) // DAY_US))
    examples = range(nearest, (since_us - begin_us) // DAY_US + 1)
    if len(examples) < _LEAST_DAYS:
        return None
    left = (until_us - since_us) / HOUR_US
    likely, deviation = _expected([_of_day(hours, since_us, day, left) for day in examples], nearest - 1)
    found = _band(likely, deviation)
    return round(found[0]), round(found[1]), round(found[2])


def _full(spent: int, limit: int, now_us: int, end_us: int | None, per_hour: int) -> int | None:
    if spent >= limit:
        return now_us
    if per_hour <= 0:
        return None
    at_us = now_us + math.ceil((limit - spent) * HOUR_US / per_hour)
    return at_us if at_us < (now_us + _FORESEEABLE_US if end_us is None else end_us) else None


def _of_day(hours: Sequence[tuple[int, int]], now_us: int, days_ago: int, left: float) -> float:
    """What was spent that many days ago from this time of the day on, for as long as is left but at most a day."""
    since = now_us - days_ago * DAY_US
    until = since + min(left * HOUR_US, DAY_US)
    first, last = bisect_right(hours, since - HOUR_US, key=_start), bisect_left(hours, until, key=_start)
    return sum(value * _share(start, since, until) for start, value in hours[first:last])


def _start(hour: tuple[int, int]) -> int:
    return hour[0]


def _share(start: int, since: float, until: float) -> float:
    """The part of the hour that is within the span."""
    return max(0.0, min(start + HOUR_US, until) - max(start, since)) / HOUR_US


def _to_come(hours: Sequence[tuple[int, int]], now_us: int, days: int, left: float) -> tuple[float, float, float]:
    """(likely, low, high) of the hours that are left: of each day of the week so many whole days, and the rest."""
    whole, rest = divmod(left, 24)
    likely = variance = 0.0
    past = [_of_day(hours, now_us, day, 24) for day in range(1, days + 1)] if whole else []
    for ahead in range(min(_WEEK, int(whole))):
        times = (int(whole) - ahead + _WEEK - 1) // _WEEK
        mean, deviation = _expected(past, ahead)
        likely, variance = likely + times * mean, variance + times * deviation**2
    mean, deviation = _expected([_of_day(hours, now_us, day, rest) for day in range(1, days + 1)], int(whole))
    return _band(likely + mean, math.sqrt(variance + deviation**2))


def _expected(past: Sequence[float], ahead: int) -> tuple[float, float]:
    """(mean, standard deviation) of a day to come: `past` are those before, the latest first; `ahead` more lie between.

    Where each day of the week is there twice, a day is expected to be like its own.
    """
    alike = [past[first::_WEEK] for first in range(_WEEK)] if len(past) >= 2 * _WEEK else [past]
    means = [sum(days) / len(days) for days in alike]
    squares = sum((day - mean) ** 2 for days, mean in zip(alike, means, strict=True) for day in days)
    return means[(-ahead - 1) % len(alike)], math.sqrt(squares / (len(past) - len(alike)))


def _band(likely: float, deviation: float) -> tuple[float, float, float]:
    return likely, max(0.0, likely - _TENTH * deviation), likely + _TENTH * deviation
