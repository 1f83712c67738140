"""The levels that slots have reached: each is told once in a window, also across restarts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from tokenguard.errors import LedgerError
from tokenguard.guard.count import Count
from tokenguard.guard.standings import Standings
from tokenguard.guard.unwaited import unwaited
from tokenguard.ledger import Ledger, Told, queries
from tokenguard.policy.budgets import LEVELS, Standing, ident
from tokenguard.policy.windows import rolling_us

log = logging.getLogger(__name__)


class Levels:
    """What was told; `now` tells the time in microseconds."""

    def __init__(self, ledger: Ledger, standings: Standings, now: Callable[[], int]) -> None:
        self._ledger = ledger
        self._standings = standings
        self._now = now
        self._told: dict[tuple[str, str, int], str] = {}
        self.sweep()

    def sweep(self) -> None:
        """Read again what was told of windows that have not ended."""
        try:
            told = queries.told_levels(self._ledger.read(), self._now())
        except LedgerError as error:
            log.warning("which levels were told is not known: %s", error)
            return
        self._told = {(one.budget, one.key, one.window_start_us): one.level for one in told}

    def risen(self, counts: Iterable[Count]) -> list[Standing]:
        """What of these reached a level, once each."""
        risen: list[Standing] = []
        for count in counts:
            ahead = count.slot.budget.forecast
            if ahead or count.spent >= count.alarm:
                standing = self._standings.with_outlook(count) if ahead else self._standings.now_of(count)
                if self.rises(count, standing):
                    risen.append(standing)
        return risen

    def rises(self, count: Count, standing: Standing) -> bool:
        """Whether a count stands at a level that was not told yet; it is then."""
        told = self._told.get(_window_key(count, self._now()), "ok")
        count.alarm = standing.next_level
        if LEVELS.index(standing.level) <= LEVELS.index(told):
            return False
        self.tell(count, standing.level)
        return True

    def tell(self, count: Count, level: str) -> None:
        """Note that of this count's window this level was told, and none above it."""
        now = self._now()
        key = _window_key(count, now)
        if self._told.get(key, "ok") == level:
            return
        self._told[key] = level
        told = Told(*key, level, until_us=count.resets_us)
        unwaited(self._ledger.told_level(told, now), "a level")


def _window_key(count: Count, now_us: int) -> tuple[str, str, int]:
    """The window of a slot, as its levels are told once; a rolling one is told of once in every span."""
    slot, span_us = count.slot, rolling_us(count.slot.budget.window)
    start_us = slot.window.start_us
    if slot.budget.official is not None:
        # When it began is not known for sure; when it ends is.
        start_us = count.resets_us or 0
    elif span_us is not None:
        start_us = now_us // span_us * span_us
    return ident(slot.budget), slot.key, start_us
