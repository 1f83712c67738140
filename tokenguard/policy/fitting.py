"""Whether a call fits into what is left, when nobody knows yet what it will cost.

A `calibrated` budget sets what every call in flight takes on average aside, and a margin beside the sum. Chance makes
calls err in both directions, so that the margin of many is smaller than the sum of their margins; but where little is
known of such calls, all of them may err in the same direction, and then their doubts add up.

One call adds at most a tenth of the limit to the margin: a small budget would block everything otherwise, and says
instead that it is passed more often (`stated`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from tokenguard.policy.trend import Trend

MOST_MARGIN = 10
"""One call adds at most this part of the limit to a margin."""

_P95 = 1.6448536269514722
"""Standard deviations above the mean below which 95 of 100 values of a normal distribution lie."""

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
    expected = Trend(_PRIOR_WEIGHT, mean / likely, _PRIOR_WEIGHT * ((p95 - likely) / likely / _P95) ** 2)
    known = seen.after(expected, _PRIOR_WEIGHT)
    variance = known.squares / known.count
    return Need(
        math.ceil(likely * known.mean),
        variance=likely * likely * variance,
        doubt=likely * math.sqrt(variance / known.count),
        likely=likely,
    )


def fits(taken: Taken, need: Need, overshoot: float) -> bool:
    """Whether a call fits beside all that a slot holds. A slot without room takes nothing, however small."""
    if not need.bounded or taken.spent >= taken.limit:
        return False
    room = taken.limit - taken.spent - taken.reserved - need.value
    return room >= 0 and margin(taken, need, overshoot) <= room


def shortfall(taken: Taken, need: Need, overshoot: float) -> int:
    """By how much the limit would have to be higher for the call to fit; at least 1."""
    held = taken.spent + taken.reserved + need.value
    # What a call may add to the margin rises with the limit, which has to hold that as well.
    around = margin(taken, need, overshoot)
    enough = held + around
    while held + margin(taken._replace(limit=enough), need, overshoot) > enough:
        enough = held + margin(taken._replace(limit=enough), need, overshoot)
    return max(1, enough - taken.limit)


def margin(taken: Taken, need: Need, overshoot: float) -> int:
    """What to keep free beside the sum, so that it is passed in a share of `overshoot` of all cases."""
    variance = taken.variance + need.variance
    if not variance:
        return 0
    sure = deviations(overshoot)
    all_of_it = sure * math.sqrt(variance + (taken.doubt + need.doubt) ** 2)
    without = sure * math.sqrt(taken.variance + taken.doubt**2)
    return math.ceil(min(all_of_it, without + taken.limit // MOST_MARGIN))


def stated(deviation: float, overshoot: float, limit: int) -> float:
    """In which share of its windows a budget is passed, at most, if a call is off by `deviation` (0: unknown)."""
    if not deviation:
        return overshoot
    return max(overshoot, 0.5 * math.erfc(limit // MOST_MARGIN / math.sqrt(2) / deviation))


@lru_cache(maxsize=64)
def deviations(overshoot: float) -> float:
    """Standard deviations above the mean that a normally distributed value passes with this probability (< 0.5)."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        if 0.5 * math.erfc(middle / math.sqrt(2)) > overshoot:
            low = middle
        else:
            high = middle
    return low
