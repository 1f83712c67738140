"""What a call will have answered at its end that has answered so much already and goes on.

Answers are distributed with a heavy tail: whoever has already written more than usual will probably write much more.
Calls in flight are therefore not like calls at their beginning, for the short ones are over. What is expected of one is
the part of the (log-normal) distribution that is still possible.
"""

from __future__ import annotations

import math

from msgspec import Struct

from tokenguard.policy.trend import normal_quantile

_P95 = 1.6448536269514722
_LEAST_SPREAD = 0.05
_FAR = 1e-9
"""A tail smaller than this is not computed with any more: the distribution was another one."""


class Output(Struct, frozen=True):
    """The output that is expected of a call, in tokens."""

    likely: float
    mean: float
    p95: float


def outgrown(expected: Output, so_far: float) -> Output:
    """What to expect at the end, now that there are `so_far` tokens and more to come."""
    if so_far <= 0 or expected.likely <= 0:
        return expected
    spread = max(math.log(max(expected.p95, expected.likely) / expected.likely) / _P95, _LEAST_SPREAD)
    reached = math.log(so_far / expected.likely) / spread
    left = _above(reached)
    if left < _FAR:
        return Output(so_far, so_far * 1.5, so_far * 3)
    mean = expected.likely * math.exp(spread * spread / 2) * _above(reached - spread) / left
    likely, p95 = (expected.likely * math.exp(spread * normal_quantile(1 - share * left)) for share in (0.5, 0.05))
    return Output(max(likely, so_far), max(mean, so_far), max(p95, so_far))


def _above(deviations: float) -> float:
    """The share of a normal distribution above so many standard deviations."""
    return 0.5 * math.erfc(deviations / math.sqrt(2))
