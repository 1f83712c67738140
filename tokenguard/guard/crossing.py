"""What every call asks before it is forwarded and tells when it has ended; the parts behind that, put together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tokenguard import prices
from tokenguard.agents import Agents
from tokenguard.config.settings import Config
from tokenguard.guard import view
from tokenguard.guard.admitting import Admission, Admitter
from tokenguard.guard.asking import Asking
from tokenguard.guard.beyond import Beyond
from tokenguard.guard.calls import Calls
from tokenguard.guard.charging import Charger, Ending
from tokenguard.guard.clock import Clock
from tokenguard.guard.counting import Counting
from tokenguard.guard.deciding import Count, Decider
from tokenguard.guard.flight import Flight
from tokenguard.guard.holds import Holds, recorder
from tokenguard.guard.hub import Hub
from tokenguard.guard.noticing import Noticing
from tokenguard.guard.official import Official
from tokenguard.guard.refusals import Refusals
from tokenguard.guard.registry import UNWRAPPED
from tokenguard.guard.reserving import Reserver
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.settling import Settler
from tokenguard.guard.sharing import Sharing
from tokenguard.guard.slots import Slots
from tokenguard.guard.teams import Teams
from tokenguard.guard.turns import Turns
from tokenguard.guard.underway import Underway
from tokenguard.guard.unread import Unread
from tokenguard.guard.unwrapped import Unwrapped
from tokenguard.guard.ways import Ways
from tokenguard.ledger import Ledger, queries
from tokenguard.platforms import boot_seconds
from tokenguard.records import Budget, Call, Confidence, Event, Facts, Reading, Session


class Guard:
    """Admits and settles calls by the configured budgets. Lives on one event loop and never waits for the disk there.

    Its parts are open to those who look after them: `sessions`, `unwrapped` (clients without a token), `counting`
    (budgets), `sharing` (budgets of teams), `hub` (events), `beyond` (what only logs tell of), `ways` (how providers
    are reached), `refusals`, `unread` (requests that no dialect reads).
    """

    def __init__(self, ledger: Ledger, catalogue: prices.Catalogue, config: Config, clock: Callable[[], int]) -> None:
        """`clock` gives microseconds since the epoch; that it may step back is taken care of here."""
        self.config = config
        self.hub = Hub()
        self.now = Clock(ledger, clock)
        self.sessions = Sessions(ledger, self.now)
        self.ways = Ways(self.sessions, config)
        self.unwrapped = Unwrapped(self.sessions, lambda live: self.tell("session.started", view.session_view(live, 0)))
        self.official = Official(ledger, self.now)
        self.teams = Teams(boot_seconds)
        slots = Slots(self._budgets_of, self._above)
        self.counting = Counting(ledger, slots, self.official.window, self.teams, self.now)
        self.sharing = Sharing(self.counting, self.tell)
        self.holds = Holds(self.tell, view.hold_view)
        self._ledger = ledger
        self.beyond = Beyond(self.counting, self.sessions, lambda ids: queries.charged(ledger.read(), ids), self.tell)
        self._turns = Turns(ledger)
        self._noticing = Noticing(self._turns, self.tell)
        self._noticing.configure(config)
        self._flight = Flight(self.sessions, self.tell)
        self.beyond.in_flight = self._flight.calls
        self._settler = Settler(
            ledger, self.counting, self._flight, self._turns, self._noticing, self.beyond, self.tell, self.now
        )
        record = recorder(ledger)
        self._decider = Decider(self.counting, self.holds, self._noticing, record, self.now)
        self.refusals = Refusals(ledger, self.sessions, self.tell)
        self._admitter = Admitter(
            ledger, self.counting, self._decider, self._turns, self._flight, self._settler, self.refusals, self._closed
        )
        self._underway = Underway(
            self._flight, self.official, self.counting.books, self._turns, self.hub, self._paid_by, self.tell, self.now
        )
        self.asking = Asking(self.holds, record, self.now)
        ledger.notify(lambda: self.tell("ledger.changed", view.ledger_view(ledger)))
        known, ids = Agents(config.agents), itertools.count(ledger.next_call_id)
        self._calls = Calls(ids, self.official, self.now, agents=known, catalogue=catalogue, config=config)
        self.unread = Unread(self._calls, self.sessions, self.counting, self._settler, self.now)
        self._take_prices(catalogue)
        self._take_agents(known)

    def session_of(self, token: str) -> Session | None:
        """The running session that a token stands for."""
        live = self.sessions.by_token(token)
        return live.session if live else None

    def begin(
        self, session: Session | None, *, provider: str, dialect: str, facts: Facts, headers: Mapping[str, str]
    ) -> Call:
        """The call that a request of this session makes; without a session it belongs to the unwrapped ones."""
        live = self.sessions.of(session.id if session else UNWRAPPED)
        return self._calls.begin(live, provider=provider, dialect=dialect, facts=facts, headers=headers)

    def admit(self, call: Call, facts: Facts, count: Count | None = None) -> Coroutine[Any, Any, Admission]:
        """Decide on a call. One that is let through is reserved, durably, in every budget that it meets.

        Whoever is let through must settle the call that the admission names, whatever becomes of it. While a person is
        asked, this takes as long as the agent can wait. `count` asks the provider how many tokens the prompt has, where
        only that decides whether a strict budget can take the call.
        """
        return self._admitter.admit(call, facts, count)

    def join(self, call: Call) -> None:
        """Take note of a call that the provider began unasked: nobody can refuse it any more, but it counts.

        It must be settled like one that was let through.
        """
        self.counting.admit_freely(call)
        self._flight.start(call)

    def answered(self, call: Call, headers: Mapping[str, str]) -> None:
        """The provider has begun to answer a call: its headers may tell who pays, and how full its windows are."""
        self._underway.answered(call, headers)

    def progress(self, call: Call, reading: Reading) -> None:
        """Take note of what a call that still runs has answered so far, and tell."""
        self._underway.progress(call, reading)

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        """Put the charge of a call that has ended in place of its reservation. Never raises, never waits."""
        if outcome == "refused-here":
            self._settler.withdraw(call, "it could not be changed as its budget asks")
            return
        self._settler.settle(call, reading, Ending(status, outcome, self.now(), self.ways.habit_of(call)))

    def forget(self, session_id: str) -> None:
        """Drop what was remembered of a session that has ended."""
        self._turns.forget(session_id)
        self._noticing.runaway.forget(session_id)

    def tell(self, kind: str, data: dict[str, object]) -> None:
        """Tell whoever listens."""
        self.hub.tell(Event(kind, self.now(), data))

    def reload(self, config: Config, catalogue: prices.Catalogue | None = None) -> None:
        """Take a changed configuration, and other prices where they are given.

        What was counted is read again from the ledger; it keeps the prices at which it was settled. Raises
        `ConfigError` for agents that contradict those that are known; nothing has changed then.
        """
        known = Agents(config.agents)
        before, self.config, self._calls.config = self.config, config, config
        self._take_agents(known)
        self.ways.configure(config)
        if config.loops != before.loops or config.preflight != before.preflight:
            self._noticing.configure(config)
        self.counting.books.forget()
        if catalogue is not None:
            self._take_prices(catalogue)

    def _take_prices(self, catalogue: prices.Catalogue) -> None:
        self._calls.catalogue = catalogue
        self.beyond.prices = prices.Many(catalogue, Confidence.ESTIMATED)
        self._underway.reserver = reserver = Reserver(catalogue, self._turns)
        self._decider.price_by(reserver)
        self._settler.charger = Charger(catalogue, self._turns)

    def _take_agents(self, known: Agents) -> None:
        self._calls.agents = self.refusals.agents = known
        self._decider.know(known)
        self.unwrapped.know(known.all)

    async def tick(self) -> None:
        """Once a minute: charge what a crash left open for too long, and drop what has ended."""
        await self._settler.presume(int(self.config.ledger.presume_after * 1_000_000))
        self.counting.sweep()
        if await self._ledger.audit():
            self.counting.books.forget()

    @property
    def busy(self) -> int:
        """Calls in flight."""
        return len(self._flight)

    def _budgets_of(self, session_id: str, repo: str | None) -> tuple[Budget, ...]:
        # What a team shares is known also of a repository whose session is not known again.
        return (*self.sessions.of(session_id).budgets, *self.config.budgets, *self.teams.budgets(repo))

    def _above(self, session_id: str) -> list[tuple[str, tuple[Budget, ...]]]:
        everybodys = tuple(budget for budget in self.config.budgets if budget.scope == "session")
        return [(outer.id, (*outer.budgets, *everybodys)) for outer in self.sessions.of(session_id).above]

    def _closed(self) -> bool:
        return self.config.daemon.on_error == "closed"

    def _paid_by(self, provider: str) -> str | None:
        return self.config.billing.get(provider)
