"""Whether a call fits into what is left, when nobody knows yet what it will cost.

A `calibrated` budget sets the likely cost of every call in flight aside, and beside the sum a margin. Calls err in
both directions, so the margin of many is smaller than the sum of their margins: it grows with the root of the sum of
their variances. It is never more than a tenth of the limit: a small budget would block everything otherwise, and says
instead that it is passed more often (`stated`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

MOST_MARGIN = 10
"""A margin is at most this part of the limit."""

_P95 = 1.6448536269514722
"""Standard deviations above the mean below which 95 of 100 values of a normal distribution lie."""


class Need(NamedTuple):
    """What a budget sets aside for a call, in its unit."""

    value: int
    variance: float = 0.0
    """Of what the call takes around `value`; 0 where it cannot take more."""
    bounded: bool = True
    """False for a call that a strict budget cannot bound, and does not let through."""


class Taken(NamedTuple):
    """What a slot holds already, in its unit."""

    limit: int
    """Without what is held back for landing."""
    spent: int
    reserved: int = 0
    variance: float = 0.0


def fits(taken: Taken, need: Need, overshoot: float) -> bool:
    """Whether a call fits beside all that a slot holds. A slot without room takes nothing, however small."""
    if not need.bounded or taken.spent >= taken.limit:
        return False
    room = taken.limit - taken.spent - taken.reserved - need.value
    if room < 0:
        return False
    around = taken.variance + need.variance
    return not around or margin(around, overshoot, taken.limit) <= room


def shortfall(taken: Taken, need: Need, overshoot: float) -> int:
    """By how much the limit would have to be higher for the call to fit; at least 1."""
    held = taken.spent + taken.reserved + need.value
    # The cap of the margin rises with the limit.
    around = margin(taken.variance + need.variance, overshoot, held * MOST_MARGIN // (MOST_MARGIN - 1) + MOST_MARGIN)
    return max(1, held + around - taken.limit)


def variance(likely: int, p95: int) -> float:
    """The variance of what a call takes, from what it likely takes and what 95 of 100 such calls do not pass."""
    return (max(p95 - likely, 0) / _P95) ** 2


def margin(variance: float, overshoot: float, limit: int) -> int:
    """What to keep free beside the likely sum, so that it is passed in a share of `overshoot` of all cases."""
    if not variance:
        return 0
    return min(math.ceil(deviations(overshoot) * math.sqrt(variance)), limit // MOST_MARGIN)


def stated(variance: float, overshoot: float, limit: int) -> float:
    """In which share of its windows a budget is passed, at most, if a single call varies by that much (0: unknown)."""
    if not variance:
        return overshoot
    return max(overshoot, 0.5 * math.erfc(limit // MOST_MARGIN / math.sqrt(2 * variance)))


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
