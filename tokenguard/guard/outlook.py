"""Where the spending of slots is going, from what the ledger has of the last two weeks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tokenguard.guard.slots import where_of
from tokenguard.ledger import Ledger, Where, queries
from tokenguard.policy.budgets import TEAM, Standing
from tokenguard.policy.forecast import HISTORY_US, HOUR_US, Forecast, forecast
from tokenguard.policy.measure import measure_sum
from tokenguard.policy.windows import rolling_us
from tokenguard.records import Amount, Budget

_FRESH_US = 60_000_000
"""For so long, what was read of the past holds."""

_Measured = tuple[int, list[tuple[int, int]]]
"""What the last hour took in a budget's unit, and the hours before."""


class _Past(NamedTuple):
    """What the calls that a slot counts took: slots that count the same calls share it."""

    read_us: int
    last_hour: tuple[Amount, Amount]
    """As budgets count it, and of its dollars those that are notional."""
    hours: list[tuple[int, Amount, Amount]]
    measured: dict[object, _Measured]

    def of(self, budget: Budget) -> _Measured:
        """As a budget counts it."""
        kind = budget.mode, budget.unit, budget.bucket, budget.counts
        found = self.measured.get(kind)
        if found is None:
            hours = [(start, measure_sum(budget, amount, notional)) for start, amount, notional in self.hours]
            found = self.measured[kind] = measure_sum(budget, *self.last_hour), hours
        return found


class Outlook:
    """Forecasts for slots; `now` tells the time in microseconds."""

    def __init__(self, ledger: Ledger, now: Callable[[], int]) -> None:
        self._ledger = ledger
        self._now = now
        self._read: dict[Where, _Past] = {}

    def of(self, standing: Standing) -> Forecast | None:
        """The forecast of a slot; None for a provider's own window, and where others spend too."""
        slot, budget = standing.slot, standing.slot.budget
        if budget.official is not None or budget.scope == TEAM:
            return None
        last_hour, hours = self._past(where_of(slot)).of(budget)
        return forecast(
            spent=standing.spent,
            limit=standing.limit - standing.held_back,
            now_us=self._now(),
            end_us=slot.window.end_us,
            last_hour=last_hour,
            hours=hours,
            span_us=rolling_us(budget.window),
        )

    def sweep(self) -> None:
        """Drop what is not fresh any more."""
        since_us = self._now() - _FRESH_US
        self._read = {where: past for where, past in self._read.items() if past.read_us > since_us}

    def _past(self, where: Where) -> _Past:
        now, past = self._now(), self._read.get(where)
        if past is None or now - past.read_us >= _FRESH_US:
            conn = self._ledger.read()
            past = self._read[where] = _Past(
                now,
                queries.spent(conn, where, now - HOUR_US + 1, None),
                queries.hourly(conn, where, now - HISTORY_US, now + HOUR_US),
                {},
            )
        return past
