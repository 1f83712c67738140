"""What can be expected of a quantity after some observations of it: a mean, and how far it strays."""

from __future__ import annotations

import math

from msgspec import Struct

MEMORY = 50
"""Observations after which the oldest fade."""

_WIDEST = 1.5
"""Standard deviation of a logarithm beyond which nothing is known of the mean."""


class Trend(Struct, frozen=True):
    """Sufficient statistics of a series; nothing else is kept of it."""

    count: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    """Sum of the squared distances to the mean."""

    def seen(self, value: float, reach: float, weight: float = 1.0) -> Trend:
        """With one more observation, which counts as much as `weight` of one.

        One that is farther than `reach` from the mean is taken for as far.
        """
        value = max(self.mean - reach, min(self.mean + reach, value))
        fading = min(1.0, (MEMORY - 1) / self.count) if self.count else 1.0
        return _joined(Trend(self.count * fading, self.mean, self.squares * fading), Trend(weight, value))

    def after(self, before: Trend, weight: float) -> Trend:
        """On top of what was known before, which counts as much as `weight` observations and no more than it saw."""
        share = min(1.0, weight / before.count) if before.count else 0.0
        return _joined(Trend(before.count * share, before.mean, before.squares * share), self)

    def at(self, deviations: float) -> float:
        """The value that many standard deviations above the mean, for the next observation."""
        if not self.count:
            return self.mean
        return self.mean + deviations * math.sqrt(self.squares / self.count * (1 + 1 / self.count))


def normal_quantile(share: float) -> float:
    """Standard deviations from the mean below which this share (between 0 and 1) of a normal distribution lies."""
    low, high = -10.0, 10.0
    for _ in range(50):
        middle = (low + high) / 2
        if 0.5 * math.erfc(-middle / math.sqrt(2)) < share:
            low = middle
        else:
            high = middle
    return high


def _joined(one: Trend, other: Trend) -> Trend:
    count = one.count + other.count
    if not count:
        return one
    apart = other.mean - one.mean
    mean = one.mean + apart * other.count / count
    return Trend(count, mean, one.squares + other.squares + apart * apart * one.count * other.count / count)


def mean_of_median(trend: Trend) -> float:
    """How much the mean is of the median, where logarithms are normally distributed."""
    deviation = min(trend.at(1) - trend.at(0), _WIDEST)
    return math.exp(deviation * deviation / 2)
