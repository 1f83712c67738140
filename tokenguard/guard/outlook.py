"""Where the spending of slots is going, from what the ledger has of the last two weeks."""

from __future__ import annotations

from collections.abc import Callable

from tokenguard.guard.slots import where_of
from tokenguard.ledger import Ledger, queries
from tokenguard.policy.budgets import Standing
from tokenguard.policy.forecast import HISTORY_US, HOUR_US, Forecast, forecast
from tokenguard.policy.measure import measure_sum
from tokenguard.policy.windows import rolling_us

_FRESH_US = 60_000_000
"""For so long, what was read of the past holds."""

_Past = tuple[int, list[tuple[int, int]]]
"""What the last hour took, and the hours before."""


class Outlook:
    """Forecasts for slots; `now` tells the time in microseconds."""

    def __init__(self, ledger: Ledger, now: Callable[[], int]) -> None:
        self._ledger = ledger
        self._now = now
        self._read: dict[tuple[str, str, str, int], tuple[int, _Past]] = {}

    def of(self, standing: Standing) -> Forecast | None:
        """The forecast of a slot; None for a provider's own window."""
        slot, now = standing.slot, self._now()
        if slot.budget.official is not None:
            return None
        ident = (slot.budget.source, slot.budget.name, slot.key, slot.window.start_us)
        read_us, past = self._read.get(ident, (-_FRESH_US, None))
        if past is None or now - read_us >= _FRESH_US:
            past = self._past(standing, now)
            self._read[ident] = now, past
        last_hour, hours = past
        return forecast(
            spent=standing.spent,
            limit=standing.limit - standing.held_back,
            now_us=now,
            end_us=slot.window.end_us,
            last_hour=last_hour,
            hours=hours,
            span_us=rolling_us(slot.budget.window),
        )

    def sweep(self) -> None:
        """Drop what is not fresh any more."""
        since_us = self._now() - _FRESH_US
        self._read = {ident: one for ident, one in self._read.items() if one[0] > since_us}

    def _past(self, standing: Standing, now: int) -> _Past:
        budget, where, conn = standing.slot.budget, where_of(standing.slot), self._ledger.read()
        last_hour = measure_sum(budget, *queries.spent(conn, where, now - HOUR_US + 1, None))
        hours = [
            (start, measure_sum(budget, amount, notional))
            for start, amount, notional in queries.hourly(conn, where, now - HISTORY_US, now + HOUR_US)
        ]
        return last_hour, hours
