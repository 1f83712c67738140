"""What counts in a repository and on its branches, whoever calls there: what git hooks tell of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from tokenguard.guard.counting import Counting
from tokenguard.guard.slots import resets_at, zone_of
from tokenguard.policy.budgets import Slot, Standing, slots_ahead
from tokenguard.policy.reactions import depends_on_branch, speaks
from tokenguard.records import Budget, Call

Held = tuple[Standing, datetime | None]
"""What a budget holds, and when it starts anew, in its zone."""

MOMENT_S = 1.0


class Places:
    """Asks what budgets hold; `now` tells the time in microseconds."""

    def __init__(self, counting: Counting, budgets: Callable[[], Iterable[Budget]], now: Callable[[], int]) -> None:
        """`budgets` gives those that are configured."""
        self._counting = counting
        self._budgets = budgets
        self.now = now

    async def written(self) -> None:
        """Wait until the ledger has what was charged so far, but no longer than a moment: it may be failing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MOMENT_S):
                await self._counting.tally.written()

    def look(self) -> Look:
        """A look at how things are now. Budgets of repositories' files are told as the ledger has them."""
        return Look(self._counting, [one for one in self._budgets() if speaks(one)], self.now())

    @property
    def until_us(self) -> float:
        """When limits change by themselves: infinite for never."""
        return self._counting.limits.until_us


class Look:
    """One look at many places: what they share is counted once."""

    def __init__(self, counting: Counting, budgets: Sequence[Budget], now_us: int) -> None:
        self._counting = counting
        self._budgets = budgets
        self._now_us = now_us
        self._held: dict[Slot, Held] = {}
        self._branches: dict[str, set[str]] | None = None

    def anywhere(self, repo: str, own: Iterable[Budget]) -> list[Held]:
        """What counts in a repository on every branch. `own` are the budgets of its file."""
        shared = self._counting.teams.budgets(repo)
        budgets = [one for one in (*self._budgets, *own, *shared) if speaks(one) and not depends_on_branch(one)]
        return self._at(budgets, repo, None)

    def on(self, repo: str, branch: str, own: Iterable[Budget]) -> list[Held]:
        """What counts on a branch besides."""
        return self._at([one for one in (*self._budgets, *own) if speaks(one) and depends_on_branch(one)], repo, branch)

    def branches(self, repo: str) -> list[str]:
        """The branches on which somebody has called lately, where a budget counts them apart."""
        if self._branches is None:
            self._branches = {}
            for count in self._counting.books.counts():
                if count.slot.budget.scope == "branch":
                    of, _, branch = count.slot.key.partition("\0")
                    self._branches.setdefault(of, set()).add(branch)
        return sorted(self._branches.get(repo, ()))

    def _at(self, budgets: Iterable[Budget], repo: str, branch: str | None) -> list[Held]:
        anybody = Call(
            0, "", "", "", "", "", self._now_us, repo=repo, branch=branch, request_class="", billing=""
        )  # fmt: skip
        return [self._holds(slot) for slot in slots_ahead(budgets, anybody, zone_of)]

    def _holds(self, slot: Slot) -> Held:
        held = self._held.get(slot)
        if held is None:
            standing = self._counting.standings.glance(slot)
            held = self._held[slot] = standing, resets_at(standing)
        return held
