"""What slots have spent, by the ledger and by what is on its way into it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from msgspec.structs import replace

from tokenguard.guard.count import Count
from tokenguard.guard.slots import where_of
from tokenguard.guard.teams import Team, Teams
from tokenguard.guard.trailing import ALL, Trailing
from tokenguard.ledger import Ledger, Where, queries
from tokenguard.policy.budgets import Slot
from tokenguard.policy.measure import measure, measure_sum
from tokenguard.policy.windows import rolling_us
from tokenguard.records import Amount, Budget, Call

_Sums = list[tuple[Where, int, int | None]]
"""The calls that together are asked for, each with its span."""


class Tally:
    """Reads sums; `now` tells the time in microseconds."""

    def __init__(
        self, ledger: Ledger, teams: Teams, slots_of: Callable[[Call], list[Slot]], now: Callable[[], int]
    ) -> None:
        """`slots_of` gives the slots that a call meets."""
        self._ledger = ledger
        self._teams = teams
        self._slots_of = slots_of
        self._now = now
        self._unwritten: dict[int, tuple[Call, Amount, asyncio.Future[bool]]] = {}

    def writing(self, call: Call, charge: Amount, written: asyncio.Future[bool]) -> None:
        """The charge of a settled call is on its way into the ledger; `written` tells when it is there."""
        self._unwritten[call.id] = (call, charge, written)
        written.add_done_callback(lambda _: self._unwritten.pop(call.id, None))

    async def written(self) -> None:
        """Wait until every charge so far is in the ledger, unless it cannot be written for now."""
        while self._unwritten and self._ledger.failing is None:
            await asyncio.wait([done for _, _, done in self._unwritten.values()], timeout=1)
            await asyncio.sleep(0)

    def count(self, slot: Slot) -> Count:
        """A slot with what is spent in it; its limits are still to be set."""
        budget, now, window = slot.budget, self._now(), slot.window
        if budget.official is not None:
            return Count(slot, 0, None)
        if (span_us := rolling_us(budget.window)) is not None:
            ahead = self._leaving(slot, now + 1, ALL, ALL)
            trailing = Trailing(span_us, now, lambda since, until, most: self._leaving(slot, since, until, most), ahead)
            # Asked for without an end, the sum of the running hour need not be made call by call.
            spent = self._spent(slot, now - span_us + 1, None) - sum(value for _, value in ahead)
            return Count(slot, spent, trailing)
        team = self._teams.of(slot)
        if team is not None:
            return Count(slot, self.taken(team, budget, window.start_us, window.end_us), None)
        return Count(slot, self._spent(slot, window.start_us, window.end_us), None)

    def logged(self, slot: Slot) -> int:
        """Of what counts in a slot now, what only agents' logs tell of."""
        span_us = rolling_us(slot.budget.window)
        since_us, until_us = slot.window.start_us, slot.window.end_us
        if span_us is not None:
            since_us, until_us = self._now() - span_us + 1, None
        team = self._teams.of(slot)
        sums = _of_team(team, since_us, until_us) if team else [(where_of(slot), since_us, until_us)]
        ledger = self._ledger.read()
        return sum(
            measure_sum(slot.budget, *queries.spent(ledger, replace(where, origin="logged"), since, until))
            for where, since, until in sums
        )

    def taken(self, team: Team, budget: Budget, since_us: int, until_us: int | None) -> int:
        """What this machine has spent of a team's budget."""

        def counts(call: Call) -> bool:
            return call.repo is not None and team.repositories.get(call.repo, math.inf) <= call.started_us

        return self._sum(budget, _of_team(team, since_us, until_us), counts, since_us, until_us)

    def _spent(self, slot: Slot, since_us: int, until_us: int | None) -> int:
        sums: _Sums = [(where_of(slot), since_us, until_us)]
        return self._sum(slot.budget, sums, lambda call: slot in self._slots_of(call), since_us, until_us)

    def _sum(
        self, budget: Budget, sums: _Sums, counts: Callable[[Call], bool], since_us: int, until_us: int | None
    ) -> int:
        """The ledger's sums, and what of the calls that count is settled but not written yet."""
        ledger = self._ledger.read()
        with queries.snapshot(ledger):
            spent = sum(measure_sum(budget, *queries.spent(ledger, *one)) for one in sums)
            written = queries.charged(ledger, self._unwritten)
        end = math.inf if until_us is None else until_us
        late = self._on_the_way(budget, counts, written)
        return spent + sum(value for start, value in late if since_us <= start < end)

    def _leaving(self, slot: Slot, since_us: int, until_us: int, most: int) -> list[tuple[int, int]]:
        ledger = self._ledger.read()
        with queries.snapshot(ledger):
            rows = queries.leaving(ledger, where_of(slot), since_us, until_us, most)
            written = queries.charged(ledger, self._unwritten)
        found = [(start, measure(slot.budget, amount, billing)) for start, amount, billing in rows]
        late = self._on_the_way(slot.budget, lambda call: slot in self._slots_of(call), written)
        return sorted(found + [one for one in late if since_us <= one[0] < until_us])[:most]

    def _on_the_way(self, budget: Budget, counts: Callable[[Call], bool], written: set[int]) -> list[tuple[int, int]]:
        return [
            (call.started_us, measure(budget, charge, call.billing))
            for call, charge, _ in self._unwritten.values()
            if call.id not in written and counts(call)
        ]


def _of_team(team: Team, since_us: int, until_us: int | None) -> _Sums:
    """The calls of a team's repositories, of each since it belongs to the team."""
    return [(Where(repo=repo), max(since_us, began_us), until_us) for repo, began_us in team.repositories.items()]
