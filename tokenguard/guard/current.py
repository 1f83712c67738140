"""Counts brought up to now: what is spent by the ledger, the limit in force, and where the spending is going."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from tokenguard.guard.count import Count
from tokenguard.guard.limits import Limits
from tokenguard.guard.outlook import Outlook
from tokenguard.guard.tally import Tally
from tokenguard.guard.teams import Teams
from tokenguard.ledger import Ledger
from tokenguard.policy.budgets import TEAM, Slot, Standing
from tokenguard.records import Call, OfficialWindow


class Current:
    """Begins counts, and keeps true in them what changes without a call: limits, and windows of providers."""

    def __init__(
        self,
        ledger: Ledger,
        teams: Teams,
        slots_of: Callable[[Call], list[Slot]],
        official: Callable[[str], OfficialWindow | None],
        now: Callable[[], int],
    ) -> None:
        """`slots_of` gives the slots that a call meets, `official` a provider's window by its name."""
        self.limits = Limits(ledger, now)
        self.tally = Tally(ledger, teams, slots_of, now)
        self._teams = teams
        self._official = official
        self._outlook = Outlook(ledger, now)
        self._now = now

    def begin(self, slot: Slot) -> Count:
        """A slot with what is spent in it, and its limit."""
        return self.limited(self.tally.count(slot))

    def limited(self, count: Count) -> Count:
        """With its limits as they stand."""
        if count.slot.budget.scope == TEAM:
            self._teams.bring_up(count)
        else:
            count.limit_to(self.limits.limit(count.slot), self.limits.held_back(count.slot))
        count.alarm = 0
        return count

    def refresh(self, count: Count, now_us: int) -> None:
        """Bring the sum up to now of a window that a provider keeps; any other is what it is."""
        if count.slot.budget.official is None:
            return
        window = self._official(count.slot.budget.official)
        count.spent = math.ceil(window.used_percent) if window else 0
        count.resets_us = window.resets_us if window else None

    def with_outlook(self, standing: Standing) -> Standing:
        """With where a slot is going, and what of a strict budget that was passed only logs told of."""
        if standing.slot.budget.mode == "strict" and standing.spent > standing.limit:
            standing = replace(standing, logged=self.tally.logged(standing.slot))
        return replace(standing, forecast=self._outlook.of(standing))

    def renew_if_due(self, counts: Callable[[], Iterable[Count]]) -> None:
        """Set the limits of these anew if some may have changed by themselves."""
        if self._now() >= self.limits.until_us or self._teams.overdue:
            self.renew(counts())

    def renew(self, counts: Iterable[Count]) -> None:
        """Read again which limits are in force, and set those of these."""
        self.limits.sweep()
        self._teams.look_again()
        for count in counts:
            self.limited(count)

    def sweep(self) -> None:
        """Drop what is not fresh any more."""
        self._outlook.sweep()
