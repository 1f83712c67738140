"""What is spent beyond the proxy, as agents' logs tell of it: it counts in budgets like everything else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec.structs import replace

from tokenguard import prices
from tokenguard.guard import showing
from tokenguard.guard.counting import Counting
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.telling import totals_of
from tokenguard.policy.budgets import Standing
from tokenguard.records import Amount, Call, Charge, Confidence, Leg

_CLOCKS_US = 2_000_000
"""By how much a line may seem to be older than the call that it is of."""


class Beyond:
    """Prices what logs tell of, and counts it. To whoever imports, its `Books`."""

    def __init__(
        self,
        counting: Counting,
        sessions: Sessions,
        still_there: Callable[[Collection[int]], Collection[int]],
        tell: Callable[[str, dict[str, object]], None],
    ) -> None:
        """`still_there` tells which of these rows the ledger has."""
        self._counting = counting
        self._still_there = still_there
        self._held: dict[int, tuple[Call, Amount]] = {}
        """Rows that may be of calls that are in flight, and are set aside already, with what they would add."""
        self._sessions = sessions
        self._tell = tell
        self.prices: prices.Many | None = None
        """Those in force; set by whoever keeps them."""
        self.in_flight: Callable[[], Collection[Call]] = lambda: ()
        """The calls that are."""

    @property
    def in_use(self) -> bool:
        """Whether there is a call, or a run that may make one at any time."""
        return bool(self.in_flight()) or any(live.token_hash is not None for live in self._sessions.running.all())

    def price_logged(self, call: Call, leg: Leg) -> Charge:
        """What a response cost by its agent's log, which is never exact. May be called on any thread."""
        assert self.prices is not None
        return self.prices.charge(call.provider, leg, call.started_us)

    def writing(self) -> None:
        """Rows are about to be written; `written` follows."""
        self._counting.others_write()

    def written(self, news: Iterable[tuple[Call, Amount]]) -> None:
        """Of these calls so much more counts."""
        flying = self.in_flight()
        counts: list[tuple[Call, Amount]] = []
        for call, amount in news:
            if any(_may_be(call, other) for other in flying):
                if not self._held:
                    self._counting.others_write()  # the ledger has them: whoever reads it meanwhile counts them
                before = self._held.get(call.id)
                self._held[call.id] = (call, before[1] + amount if before else amount)
            else:
                counts.append((call, amount))
        self._count(counts)
        self._counting.others_wrote()

    def ended(self, *, overtook: bool) -> None:
        """A call that was in flight is in the ledger; whether it took the place of a row that its log had told of."""
        flying = self.in_flight()
        done = {id: one for id, one in self._held.items() if not any(_may_be(one[0], other) for other in flying)}
        there = set(self._still_there(done)) if done else set[int]()
        if overtook and len(there) == len(done):
            self.unsaid()  # what was overtaken had been counted
            return
        for id in done:
            del self._held[id]
        self._count([one for id, one in done.items() if id in there])
        if done and not self._held:
            self._counting.others_wrote()

    def _count(self, news: Sequence[tuple[Call, Amount]]) -> None:
        risen: dict[str, Standing] = {}
        for call, amount in news:
            live = self._sessions.running.get(call.session)
            if live is not None:
                charge = Charge(amount.nanos, Confidence.ESTIMATED)
                taken = replace(totals_of(call, charge, amount.usage), calls=amount.calls)
                live.totals += taken
                live.beside.add(call, taken)
            risen |= {one.slot.label: one for one in self._counting.charged(call, amount)}
        self._tell_levels(risen.values())
        if news:
            self._tell("calls.logged", {"count": len(news)})

    def unsaid(self) -> None:
        """What counts has changed by more than was told: it is read again, what was held with it."""
        if self._held:
            self._held.clear()
            self._counting.others_wrote()
        self._tell_levels(self._counting.reread(live.session for live in self._sessions.running.all()))
        self._tell("calls.logged", {"count": None})

    def _tell_levels(self, risen: Iterable[Standing]) -> None:
        for standing in risen:
            self._tell("budget.level", showing.level_view(standing))


def _may_be(logged: Call, call: Call) -> bool:
    """Whether a log may tell of a call: since it began, in its session where both are known, and of its agent.

    What was started as something else, in a shell say, may be that agent too, in the same repository.
    """
    there = logged.agent == call.agent or logged.repo == call.repo is not None
    if not there or logged.started_us < call.started_us - _CLOCKS_US:
        return False
    return None in (logged.agent_session, call.agent_session) or logged.agent_session == call.agent_session
