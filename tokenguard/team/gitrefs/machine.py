"""One machine's place in a team that shares budgets through a git remote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from tokenguard.errors import TeamError
from tokenguard.policy.allocation import lacks
from tokenguard.policy.rights import Holding, entitled
from tokenguard.policy.windows import Window
from tokenguard.records.teams import Heard, TeamBudget, TeamPolicy
from tokenguard.team.gitrefs import telling
from tokenguard.team.gitrefs.document import Change
from tokenguard.team.gitrefs.exchange import Exchange, Refs
from tokenguard.team.gitrefs.memory import Asked, State
from tokenguard.team.gitrefs.periods import key, periods_at
from tokenguard.team.gitrefs.process import Runner
from tokenguard.team.gitrefs.spots import Facts, Spot, holding_of, others
from tokenguard.team.shape import Clock, Demand, Own, Place, Taken


class GitRefs:
    """See `Backend`. Everything but looking at `Own` happens in a thread (`Exchange`), one turn at a time."""

    def __init__(
        self, policy: TeamPolicy, place: Place, clock: Clock, remote: Refs, runner: Runner, seconds: float
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._facts = Facts(policy, clock.now_us())
        self._exchange = Exchange(place, remote, runner, seconds, self._facts)
        self._turn = asyncio.Lock()
        self._told: dict[Spot, int] = {}
        self._most: dict[Spot, int] = {}
        """The most that calls were admitted by at any time since their books were looked at."""

    @property
    def machine(self) -> str:
        """See `Backend`."""
        return self._state.writer.partition("/")[2]

    @property
    def _state(self) -> State:
        return self._exchange.state

    @property
    def every_s(self) -> float:
        """How often `sync` is worth while: more often while somebody lacks what others have."""
        facts = replace(self._facts, now_us=self._clock.now_us())
        for share in telling.heard(self._state, facts, ()).shares if self._policy.hard else ():
            spot = share.budget.name, key(Window(share.since_us, share.until_us))
            holding = holding_of(self._state, spot)
            # A limit that is used up stays that for weeks: nobody needs to ask every few seconds whether it is.
            if holding is not None and share.free + share.held > share.budget.limit // 100:
                cells = {**others(self._state, spot), self._state.writer: holding.said}
                if lacks(share.budget.limit, cells, self._state.treasurers)[0]:
                    return 10.0
        return 30.0 if self._policy.treasurer == self._state.writer else 60.0

    def last(self) -> Heard | None:
        """See `Backend`. Of the windows that it is now: rights of a period that has just begun are in it."""
        if not self._state.heard_us:
            return None
        told = self._told
        heard = self._tell(self._exchange.remarks)
        # Whoever only looks does not take anything out of the hands of calls.
        self._told = {spot: max(told.get(spot, 0), self._told.get(spot, 0)) for spot in {*told, *self._told}}
        return heard

    async def sync(self, own: Own) -> Heard:
        """See `Backend`."""
        async with self._turn:
            return await self._in_thread(self._see(own), lambda state: replace(state, left=False))

    async def lease(self, own: Own, amount: int) -> Heard:
        """See `Backend`. The treasurer answers when its own machine takes its next turn."""
        if not self._policy.hard:
            raise TeamError(
                f"{self._policy.name} hands nothing out: everybody sees what all have spent",
                'set `mode = "rights"` in [team] for a limit that holds without that',
            )
        async with self._turn:
            facts = self._see(own)
            wanted: dict[str, Asked] = {}

            def ask(state: State) -> State:
                for budget in self._policy.budgets:
                    period = key(facts.periods(budget).current)
                    holding = holding_of(state, (budget.name, period))
                    kept = holding.said.kept if holding else 0
                    wanted[budget.name] = Asked(period, kept + amount, facts.now_us)
                return replace(state, left=False, asked={**state.asked, **wanted})

            heard = await self._in_thread(facts, ask)
            open_ones = [
                name
                for name, asked in wanted.items()
                if (held := holding_of(self._state, (name, asked.period))) is None or held.said.kept < asked.whole
            ]
            said = (f"{name}: asked for; the treasurer answers when its machine reports next" for name in open_ones)
            return replace(heard, remarks=(*heard.remarks, *said))

    async def change(self, budget: str, amount: int, reason: str) -> Heard:
        """See `Backend`."""
        if not self._policy.hard:
            raise TeamError(f"the limit of {budget} is in tokenguard.toml", "change `limit` in [[team.budget]] there")
        found = next((one for one in self._policy.budgets if one.name == budget), None)
        if found is None:
            raise TeamError(f"{self._policy.name} has no budget {budget}")
        async with self._turn:
            if self._state.writer != self._policy.treasurer:
                raise TeamError(
                    f"only the treasurer can change {budget}: {self._policy.treasurer or 'none is named'}",
                    "do it on that machine, or change `limit` in tokenguard.toml",
                )
            facts = self._unseen()
            period = key(facts.periods(found).current)
            entry = Change(facts.now_us, budget, period, amount, reason[:500])
            try:
                return await self._in_thread(facts, lambda state: replace(state, changes=(*state.changes, entry)))
            except TeamError as error:
                if entry not in self._state.changes:
                    raise
                # It is written down, and published with the next turn: to do it again would count twice.
                return self._tell((f"the change of {budget} is not published yet: {error}",))

    async def leave(self, own: Own) -> None:
        """See `Backend`. No call may be admitted on the team's budgets any more when this is called."""
        async with self._turn:
            await self._in_thread(self._see(own), lambda state: replace(state, left=True, asked={}))

    async def close(self) -> None:
        """See `Backend`."""
        self._exchange.stop()
        await asyncio.to_thread(self._exchange.release)

    def _see(self, own: Own) -> Facts:
        """What the machine's own books say, all of it at one moment."""
        now_us = self._clock.now_us()
        taken: dict[Spot, Taken] = {}
        demand: dict[str, Demand] = {}
        for budget in self._policy.budgets:
            demand[budget.name] = own.demand(budget)
            for window in periods_at(budget, now_us).near():
                taken[budget.name, key(window)] = _taken(own, budget, window)
        self._facts = Facts(self._policy, now_us, taken, demand, dict(self._told))
        self._most = dict(self._told)
        return self._facts

    def _unseen(self) -> Facts:
        """Without the machine's own books: calls may have taken all that they were told of."""
        now_us = self._clock.now_us()
        taken: dict[Spot, Taken] = {}
        for budget in self._policy.budgets:
            for window in periods_at(budget, now_us).near():
                spot = budget.name, key(window)
                found = holding_of(self._state, spot) or Holding()
                spent = found.before + found.said.spent
                seen = self._facts.taken.get(spot)
                # If they were not looked at since this process began, all that there is may be in them.
                known = found.before + entitled(found) if seen is None else seen.spent + seen.reserved
                most = max(spent, known, found.before + found.said.kept, self._most.get(spot, 0))
                taken[spot] = Taken(spent, most - spent)
        return Facts(self._policy, now_us, taken, self._facts.demand, dict(self._told), looked=False)

    async def _in_thread(self, facts: Facts, first: Callable[[State], State]) -> Heard:
        try:
            await asyncio.to_thread(self._exchange.turn, facts, first)
        except asyncio.CancelledError:
            self._exchange.stop()
            raise
        return self._tell(self._exchange.remarks)

    def _tell(self, remarks: tuple[str, ...]) -> Heard:
        """What calls are admitted by from now on."""
        heard = telling.heard(self._state, Facts(self._policy, self._clock.now_us()), remarks)
        self._told = {
            (share.budget.name, key(Window(share.since_us, share.until_us))): share.granted or 0
            for share in heard.shares
        }
        self._most = {
            spot: max(self._most.get(spot, 0), self._told.get(spot, 0)) for spot in {*self._most, *self._told}
        }
        return heard


def _taken(own: Own, budget: TeamBudget, window: Window) -> Taken:
    return own.taken(budget, window.start_us, window.end_us)
