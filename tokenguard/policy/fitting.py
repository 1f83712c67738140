"""Whether a call fits into what is left, when nobody knows yet what it will cost.

A `calibrated` budget sets what every call in flight takes on average aside, and a margin beside the sum. Chance makes
calls err in both directions, so that the margin of many is smaller than the sum of their margins; but where little is
known of such calls, all of them may err in the same direction, and then their doubts add up.

Beside what is likely, one call needs at most a tenth of the limit: a small budget would block everything otherwise, and
says instead that it is passed more often (`stated`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from tokenguard.policy.trend import Trend, normal_quantile

MOST_MARGIN = 10
"""Beside what is likely, a call needs at most this part of the limit to be free."""

_P95 = 1.6448536269514722
"""Standard deviations above the mean below which 95 of 100 values of a normal distribution lie."""

_MOMENTS = 20
"""How often in a window, about, calls go as far as the margin lets them: each time is another chance to pass the limit.
(Measured with 1 to 64 calls at once: tests/chaos/budgets.py.)"""

_CROWDS = ((64, 4), (8, 3))
"""(calls at once, factor): with more of them than that, budgets are passed up to so many times as often. (Measured, as
above, at 5 %: 11 % of the windows with 16 to 64 streams and 17 % of those with 128 to 256, where it was 4 % with 2 to
8.)"""

FAR_OFF = 100.0
"""The square of more standard deviations than any margin has."""

_PRIOR_WEIGHT = 4
"""As many calls that were seen count as much as what was expected of them."""


class Need(NamedTuple):
    """What a budget sets aside for a call, in its unit."""

    value: int
    variance: float = 0.0
    """Of what the call takes around `value`, by chance; 0 where it cannot take more."""
    doubt: float = 0.0
    """How far `value` is off for all calls of its kind: a standard deviation."""
    likely: int = 0
    """What was expected before it was learned how such calls turn out."""
    bounded: bool = True
    """False for a call that a strict budget cannot bound, and does not let through."""


class Taken(NamedTuple):
    """What a slot holds already, in its unit."""

    limit: int
    """Without what is held back for landing."""
    spent: int
    reserved: int = 0
    variance: float = 0.0
    doubt: float = 0.0


def calibrated(likely: int, mean: int, p95: int, seen: Trend) -> Need:
    """What to set aside for a call that likely takes so much, on average and in 95 of 100 cases.

    `seen` is what such calls took before, in parts of what was likely.
    """
    if likely <= 0:
        return Need(mean)
    expected = Trend(_PRIOR_WEIGHT, mean / likely, _PRIOR_WEIGHT * variance(likely, p95) / likely**2)
    known = seen.after(expected, _PRIOR_WEIGHT)
    spread = known.squares / known.count
    return Need(
        math.ceil(likely * known.mean),
        variance=likely * likely * spread,
        doubt=likely * math.sqrt(spread / known.count),
        likely=likely,
    )


def variance(likely: int, p95: int) -> float:
    """The variance of what a call takes, from what it likely takes and what 95 of 100 such calls do not pass."""
    return (max(p95 - likely, 0) / _P95) ** 2


def fits(taken: Taken, need: Need, overshoot: float) -> bool:
    """Whether a call fits beside all that a slot holds. A slot without room takes nothing, however small."""
    if not need.bounded or taken.spent >= taken.limit:
        return False
    return _takes(taken, need, overshoot) <= taken.limit - taken.spent - taken.reserved


def shortfall(taken: Taken, need: Need, overshoot: float) -> int:
    """By how much the limit would have to be higher for the call to fit, as it is on average; at least 1."""
    held = taken.spent + taken.reserved
    enough = max(taken.limit, taken.spent + 1, held + need.value)
    # What a call may take beside what is likely rises with the limit, which has to hold that as well.
    while held + _takes(taken._replace(limit=enough), need, overshoot) > enough:
        enough = held + _takes(taken._replace(limit=enough), need, overshoot)
    return max(1, enough - taken.limit)


def _takes(taken: Taken, need: Need, overshoot: float) -> int:
    """What has to be free: what the call takes on average, and a margin for it and all others."""
    sure = deviations(overshoot)
    others = sure * math.sqrt(taken.variance + taken.doubt**2)
    together = sure * math.sqrt(taken.variance + need.variance + (taken.doubt + need.doubt) ** 2)
    likely = need.likely or need.value
    beside = need.value - likely + together - others
    return likely + math.ceil(others + min(beside, taken.limit // MOST_MARGIN))


def stated(deviation: float, overshoot: float, limit: int, at_once: int = 1) -> float:
    """In which share of its windows a budget is passed, at most.

    One of its calls is off by `deviation` (0: unknown), and `at_once` of them were in flight together.
    """
    share = overshoot
    if deviation:
        share = max(share, 0.5 * math.erfc(limit // MOST_MARGIN / math.sqrt(2) / deviation))
    return min(1.0, share * next((factor for most, factor in _CROWDS if at_once > most), 1))


@lru_cache(maxsize=64)
def deviations(overshoot: float) -> float:
    """Standard deviations to keep above the mean, so that a window is passed with this probability."""
    return normal_quantile(1 - overshoot / _MOMENTS)
