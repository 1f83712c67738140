"""How calls turn out beside what was expected of them, learned from those that were settled."""

from __future__ import annotations

from tokenguard.policy.fitting import Need, calibrated
from tokenguard.policy.trend import Trend
from tokenguard.records import Call

_MOST = 1_000
"""Models and kinds of budgets of which it is remembered."""
_REACH = 30.0
"""A call that takes this many times more than usual is taken for one that takes as much."""
_UNKNOWN = Trend()

_Key = tuple[str, str, object]


class Calibration:
    """What calls took, in parts of what was likely: by provider, model and what the budget counts of them."""

    def __init__(self) -> None:
        self._seen: dict[_Key, Trend] = {}

    def need(self, call: Call, kind: object, likely: int, mean: int, p95: int) -> Need:
        """What to set aside for a call of which that much is expected."""
        return calibrated(likely, mean, p95, self._seen.get((call.provider, call.model, kind), _UNKNOWN))

    def seen(self, call: Call, kind: object, likely: int, taken: int) -> None:
        """A call took that much that was expected to take so much."""
        key = (call.provider, call.model, kind)
        self._seen[key] = self._seen.pop(key, _UNKNOWN).seen(taken / likely, _REACH)
        if len(self._seen) > _MOST:
            del self._seen[next(iter(self._seen))]
