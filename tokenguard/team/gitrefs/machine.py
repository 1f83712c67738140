"""One machine's place in a team that shares budgets through a git remote."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from msgspec.structs import replace

from tokenguard.errors import TeamError
from tokenguard.policy.rights import Holding, entitled, lacks
from tokenguard.policy.windows import Window
from tokenguard.records.teams import Heard, TeamBudget, TeamPolicy
from tokenguard.team.gitrefs import hearing, telling, turns
from tokenguard.team.gitrefs.document import Change, Document, encode
from tokenguard.team.gitrefs.members import writer
from tokenguard.team.gitrefs.memory import Asked, Memory, State, new_id
from tokenguard.team.gitrefs.periods import key, periods_at
from tokenguard.team.gitrefs.process import Runner
from tokenguard.team.gitrefs.remote import Found, Pushed
from tokenguard.team.gitrefs.spots import Facts, Spot, holding_of, others
from tokenguard.team.identity import new_machine, where
from tokenguard.team.ownership import Ownership
from tokenguard.team.shape import Clock, Demand, Own, Place, Taken

_TURNS = 4
"""A turn is taken again when something was published that others must be seen to see, or somebody was faster."""
_AGAIN_US = 3_600 * 1_000_000
"""A machine with nothing new says so once an hour."""


class Refs(Protocol):
    """See `Remote`."""

    @property
    def refused(self) -> str:
        """Why the last document was not taken."""
        ...

    def fetch(self) -> dict[str, Found]:
        """What every writer published."""
        ...

    def push(self, ref: str, data: bytes, at_s: int, expected: str) -> Pushed:
        """Publish a document in place of what was found."""
        ...


class GitRefs:
    """See `Backend`. Everything but looking at `Own` happens in a thread, one turn at a time."""

    def __init__(
        self, policy: TeamPolicy, place: Place, clock: Clock, remote: Refs, runner: Runner, seconds: float
    ) -> None:
        self._policy = policy
        self._place = place
        self._clock = clock
        self._seconds = seconds
        self._memory = Memory(place.folder)
        self._ownership = Ownership(place.folder)
        self._runner = runner
        self._remote = remote
        self._instance = new_id()
        self._spare = writer(place.member, new_machine())
        """Under which name it goes on if it turns out to be a copy."""
        self._birth = new_id()
        self._turn = asyncio.Lock()
        self._thread = threading.Lock()
        self._told: dict[Spot, int] = {}
        self._most: dict[Spot, int] = {}
        """The most that calls were admitted by at any time since their books were looked at."""
        self._remarks: tuple[str, ...] = ()
        self._facts = Facts(policy, clock.now_us())
        self._state = self._loaded()

    @property
    def machine(self) -> str:
        """See `Backend`."""
        return self._state.writer.partition("/")[2]

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
        heard = self._tell(self._remarks)
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
        self._runner.stop()
        await asyncio.to_thread(self._let_go)

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
            await asyncio.to_thread(self._go, facts, first)
        except asyncio.CancelledError:
            self._runner.stop()
            raise
        return self._tell(self._remarks)

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

    def _go(self, facts: Facts, first: Callable[[State], State]) -> None:
        with self._thread:
            self._runner.begin(self._seconds)
            if self._ownership.take():
                # Another process may have written it until now.
                self._state = self._loaded()
            state = turns.opened(first(self._state), facts)
            state = turns.reported(state, facts) if facts.looked else state
            # What was spent is not forgotten, whether anybody can be told or not.
            state = self._save(state)
            refused = ""
            for _ in range(_TURNS):
                found = self._remote.fetch()
                state = self._heard(state, facts, found)
                own = found.get(state.writer)
                state = turns.decided(hearing.verified(state, own.document if own else None), facts)
                document = turns.document_of(state, facts, self._instance)
                if not _due(own, document):
                    break
                state, pushed = self._publish(state, document, own)
                if pushed is Pushed.REFUSED:
                    refused = self._remote.refused
                    break
                if pushed is Pushed.DONE and not turns.pending(state, facts):
                    break
            self._remarks = tuple(telling.remarks(state, facts, refused))
            self._save(replace(state, heard_us=facts.now_us))

    def _heard(self, state: State, facts: Facts, found: dict[str, Found]) -> State:
        own = found.get(state.writer)
        documents = {who: one.document for who, one in found.items() if one.document}
        written = own.document if own else None
        if hearing.is_another(state, written, _digest(own.data) if own else "", documents):
            state = hearing.renamed(state, self._spare, new_id(), written, facts)
            state = turns.reported(state, facts)
            self._spare = writer(self._place.member, new_machine())
        return hearing.heard(state, documents)

    def _publish(self, state: State, document: Document, own: Found | None) -> tuple[State, Pushed]:
        """Written down first, published then."""
        state = replace(state, sequence=state.sequence + 1)
        data = encode(replace(document, sequence=state.sequence))
        state = self._save(turns.numbered(state, self._instance, _digest(data)))
        at_s = document.at_us // 1_000_000
        return state, self._remote.push(state.writer, data, at_s, own.commit if own else "")

    def _let_go(self) -> None:
        with self._thread:
            self._ownership.release()

    def _loaded(self) -> State:
        joined, here = writer(self._place.member, self._place.machine), where(self._place.folder)
        state = self._memory.load()
        if state is None:
            return State(joined, joined, here, self._birth)
        if state.joined != joined:
            state = hearing.renamed(state, joined, self._birth, None, self._facts)
            return replace(state, joined=joined, place=here, renamed_us=0)
        if here.is_copy_of(state.place):
            state = hearing.renamed(state, self._spare, self._birth, None, self._facts)
        return replace(state, place=here)

    def _save(self, state: State) -> State:
        if state != self._state:
            self._memory.save(state)
            self._state = state
        return state


def _taken(own: Own, budget: TeamBudget, window: Window) -> Taken:
    return own.taken(budget, window.start_us, window.end_us)


def _due(own: Found | None, document: Document) -> bool:
    """Whether others know less than this."""
    if own is None or own.document is None:
        return True
    said = own.document
    same = replace(said, sequence=0, at_us=0, instance="") == replace(document, sequence=0, at_us=0, instance="")
    return not same or abs(document.at_us - said.at_us) >= _AGAIN_US


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()[:24]
