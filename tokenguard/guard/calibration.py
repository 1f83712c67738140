"""What a budget sets aside for a call, by how such calls turned out beside what was expected of them."""

from __future__ import annotations

from tokenguard.guard.count import Count
from tokenguard.guard.reservation import Reservation
from tokenguard.policy.fitting import Need, calibrated, variance
from tokenguard.policy.measure import measure
from tokenguard.policy.trend import Trend
from tokenguard.records import Call

_MOST = 1_000
"""Models and kinds of budgets of which it is remembered."""
_REACH = 30.0
"""A call that takes this many times more than usual is taken for one that takes as much."""
_UNKNOWN = Trend()
_NOTHING = Need(0)

_Key = tuple[str, str, object]


class Calibration:
    """What calls took, in parts of what was likely: by provider, model and what the budget counts of them."""

    def __init__(self) -> None:
        self._seen: dict[_Key, Trend] = {}

    def need(self, count: Count, call: Call, reservation: Reservation) -> Need:
        """What a count sets aside for a call."""
        budget = count.slot.budget
        if budget.official is not None:
            return _NOTHING
        if budget.mode == "strict":
            return Need(measure(budget, reservation.worst, call.billing), bounded=reservation.bounded)
        likely = measure(budget, reservation.likely, call.billing)
        if reservation.p95 is None or reservation.mean is None:
            return Need(likely)
        mean = measure(budget, reservation.mean, call.billing)
        p95 = measure(budget, reservation.p95, call.billing)
        return calibrated(likely, mean, p95, self._seen.get((call.provider, call.model, count.kind), _UNKNOWN))

    def seen(self, call: Call, kind: object, likely: int, taken: int) -> None:
        """A call took that much that was expected to take so much."""
        key = (call.provider, call.model, kind)
        self._seen[key] = self._seen.pop(key, _UNKNOWN).seen(taken / likely, _REACH)
        if len(self._seen) > _MOST:
            del self._seen[next(iter(self._seen))]


def as_expected(count: Count, call: Call, reservation: Reservation, likely: int) -> Need:
    """What to set aside for a call of which more is known than how such calls usually turn out."""
    amounts = (reservation.likely, reservation.mean or reservation.likely, reservation.p95 or reservation.likely)
    usual, mean, p95 = (measure(count.slot.budget, amount, call.billing) for amount in amounts)
    return Need(mean, variance(usual, p95), likely=likely)
