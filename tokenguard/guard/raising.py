"""Limits that rise: by a raise, or because a landing reserve opens. Whoever waits for room is told."""

from __future__ import annotations

from tokenguard.errors import UsageError
from tokenguard.guard.books import Books
from tokenguard.guard.changes import Changes
from tokenguard.guard.current import Current
from tokenguard.guard.levels import Levels
from tokenguard.guard.standings import Standings
from tokenguard.policy.budgets import TEAM, Slot, Standing
from tokenguard.policy.wording import raised_by_team


class Raises:
    """Of all slots."""

    def __init__(self, books: Books, standings: Standings, current: Current, levels: Levels, changes: Changes) -> None:
        self._books = books
        self._standings = standings
        self._current = current
        self._levels = levels
        self._changes = changes

    async def raise_by(self, slot: Slot, value: int, *, reason: str, who: str, ttl_us: int | None = None) -> Standing:
        """Raise a slot's limit until its window ends, or for `ttl_us`, in its unit.

        Raises `LedgerError`, or `UsageError` for a limit that is not this person's.
        """
        if slot.budget.scope == TEAM:
            raise UsageError(f"{slot.label} belongs to all of {slot.key}", raised_by_team(slot.budget))
        ends_us = self._standings.now_of(self._books.count(slot)).resets_us
        await self._current.limits.raise_by(slot, value, reason=reason, who=who, ends_us=ends_us, ttl_us=ttl_us)
        return self._opened(slot)

    async def release_landing(self, slot: Slot, *, reason: str, who: str) -> Standing:
        """Give out what a slot holds back for landing. Raises `LedgerError`."""
        await self._current.limits.release(slot, reason=reason, who=who)
        return self._opened(slot)

    def _opened(self, slot: Slot) -> Standing:
        for count in self._books.counts():
            self._current.limited(count)
        # There is more room: the levels above the present one can be reached anew.
        standing = self._standings.of(slot)
        self._levels.tell(self._books.count(slot), standing.level)
        self._changes.tell()
        return standing
