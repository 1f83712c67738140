"""Admission and settlement: the verdict on a call before it is forwarded, and its charge when it has ended."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Mapping

from msgspec import Struct

from tokenguard import prices
from tokenguard.agents import Agents
from tokenguard.agents.refusing import refusal
from tokenguard.config.settings import Config
from tokenguard.errors import LedgerError
from tokenguard.guard import showing, view, ways
from tokenguard.guard.asking import Asking
from tokenguard.guard.beyond import Beyond
from tokenguard.guard.calls import Calls
from tokenguard.guard.charging import Charger, Ending
from tokenguard.guard.clock import Clock
from tokenguard.guard.counting import Counting
from tokenguard.guard.deciding import Count, Decider
from tokenguard.guard.flight import Flight
from tokenguard.guard.holds import Holds
from tokenguard.guard.hub import Hub
from tokenguard.guard.noticing import Noticing
from tokenguard.guard.official import Official
from tokenguard.guard.registry import UNWRAPPED, Live
from tokenguard.guard.reserving import Reserver
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.settling import Settler, log_failure
from tokenguard.guard.sharing import Sharing
from tokenguard.guard.slots import Slots
from tokenguard.guard.strangers import Strangers
from tokenguard.guard.teams import Teams
from tokenguard.guard.telling import told_of
from tokenguard.guard.turns import Turns
from tokenguard.guard.unwrapped import Unwrapped
from tokenguard.ledger import Decision, Ledger, queries
from tokenguard.platforms import boot_seconds
from tokenguard.policy import billing, estimate, wording
from tokenguard.policy.disconnects import Drain
from tokenguard.records import (
    Budget,
    Call,
    Event,
    Facts,
    OfficialWindow,
    Reading,
    Session,
    Verdict,
)
from tokenguard.upstream import Network
from tokenguard.wire import official
from tokenguard.wire.shape import Refusal

log = logging.getLogger(__name__)

_ALL_TIME_US = 2**62
"""After every instant: also after those of a clock that was far ahead."""


class Admission(Struct, frozen=True):
    """The answer to a call: forward it, or send `refusal` instead."""

    call: Call
    """As it goes on: budgets may have put another model in place of the one that was asked for."""
    verdict: Verdict
    refusal: Refusal | None = None
    model: str | None = None
    """The model to put into the request; None to leave it."""
    max_output: int | None = None
    """The output limit to put into the request, in tokens; None to leave it."""


class Guard:
    """Admits and settles calls by the configured budgets. Lives on one event loop and never waits for the disk there.

    Its parts are open to those who look after them: `sessions`, `unwrapped` (clients without a token), `counting`
    (budgets), `sharing` (budgets of teams), `hub` (events), `beyond` (what only logs tell of).
    """

    def __init__(self, ledger: Ledger, catalogue: prices.Catalogue, config: Config, clock: Callable[[], int]) -> None:
        """`clock` gives microseconds since the epoch; that it may step back is taken care of here."""
        self.config = config
        self._network = ways.configured_network(config)
        self.hub = Hub()
        self.now = Clock(ledger, clock)
        self.sessions = Sessions(ledger, self.now)
        self.unwrapped = Unwrapped(self.sessions, self._began)
        self._strangers = Strangers(ledger)
        self.official = Official(ledger, self.now)
        self.teams = Teams(boot_seconds)
        slots = Slots(self._budgets_of, self._above)
        self.counting = Counting(ledger, slots, self.official.window, self.teams, self.now)
        self.sharing = Sharing(self.counting, self.tell)
        self.holds = Holds(self.tell, view.hold_view)
        self._ledger = ledger
        self.beyond = Beyond(self.counting, self.sessions, self._charged, self.tell)
        self._turns = Turns(ledger)
        self._noticing = Noticing(self._turns, self.tell)
        self._noticing.configure(config)
        self._flight = Flight(self.sessions, self.tell)
        self.beyond.in_flight = self._flight.calls
        self._settler = Settler(
            ledger, self.counting, self._flight, self._turns, self._noticing, self.beyond, self.tell
        )
        self._decider = Decider(self.counting, self.holds, self._noticing, self._record, self.now)
        self.asking = Asking(self.holds, self._record, self.now)
        ledger.notify(lambda: self.tell("ledger.changed", view.ledger_view(ledger)))
        known, ids = Agents(config.agents), itertools.count(ledger.next_call_id)
        self._calls = Calls(ids, self.official, self.now, agents=known, catalogue=catalogue, config=config)
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

    async def admit(self, call: Call, facts: Facts, count: Count | None = None) -> Admission:
        """Decide on a call. One that is let through is reserved, durably, in every budget that it meets.

        Whoever is let through must settle the call that the admission names, whatever becomes of it. While a person is
        asked, this takes as long as the agent can wait. `count` asks the provider how many tokens the prompt has, where
        only that decides whether a strict budget can take the call.
        """
        try:
            ruling = await self._decider.rule(call, facts, count)
        except Exception as error:
            # Only the type: what is wrong here may be anything.
            log.error("call %d could not be decided: %s", call.id, type(error).__name__)
            return self._undecided(call, facts)
        if ruling.verdict.action == "refuse":
            return self._refuse(ruling.call, ruling.verdict)
        call, verdict = ruling.call, ruling.verdict
        self._turns.begin(call, ruling.facts)
        try:
            told = verdict if verdict.reason else None
            await self._ledger.reserve(call, ruling.reservation.worst, told)
        except LedgerError as error:
            if self._ledger.failing is None:
                log.error("call %d could not be reserved: %s", call.id, error)
            if self.config.daemon.on_error == "closed" or self.counting.strict(call):
                self.counting.release(call)
                self._turns.end(call)
                text = wording.plain_refusal("its spend cannot be written down. See tokenguard status")
                return self._refuse(call, Verdict("refuse", None, text))
            self._flight.unguarded.add(call.id)
        except asyncio.CancelledError:
            self._settler.withdraw(call, "its agent left before it was let through")
            raise
        self._flight.start(call)
        model = call.model if call.requested else None
        return Admission(call, verdict, model=model, max_output=ruling.max_output)

    def join(self, call: Call) -> None:
        """Take note of a call that the provider began unasked: nobody can refuse it any more, but it counts.

        It must be settled like one that was let through.
        """
        self.counting.admit_freely(call)
        self._flight.start(call)

    def _outgrown(self, call: Call, reading: Reading) -> None:
        books = self.counting.books
        asked, facts = books.asked_for(call.id), self._turns.sent(call)
        so_far = max(reading.usage.output, reading.output_bytes // estimate.BYTES_PER_TOKEN)
        if asked is None or asked.mean is None or facts is None or so_far * 2 < asked.mean.usage.output:
            return
        books.outgrown(call.id, self._decider.reserver.outgrown(call, facts, asked, so_far))

    def answered(self, call: Call, headers: Mapping[str, str]) -> None:
        """The provider has begun to answer a call: its headers may tell who pays, and how full its windows are."""
        self.hear(official.read(call.provider, headers, self.now()))
        paid = billing.served(call.billing, headers, setting=self.config.billing.get(call.provider))
        if paid != call.billing:
            self._flight.paid[call.id] = paid

    def hear(self, windows: Iterable[OfficialWindow]) -> None:
        """A provider has told how full its windows are."""
        for window in self.official.learn(windows):
            self.tell("official.window", showing.window_view(window))

    def progress(self, call: Call, reading: Reading) -> None:
        """Take note of what a call that still runs has answered so far, and tell."""
        self._outgrown(call, reading)
        if self.hub.listened:
            self.tell("call.progress", told_of(call) | {"usage": reading.usage, "output_bytes": reading.output_bytes})

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        """Put the charge of a call that has ended in place of its reservation. Never raises, never waits."""
        if outcome == "refused-here":
            self._settler.withdraw(call, "it could not be changed as its budget asks")
            return
        self._settler.settle(call, reading, Ending(status, outcome, self.now(), ways.habit_of(self.config, call)))

    def _undecided(self, call: Call, facts: Facts) -> Admission:
        """The answer to a call over which tokenguard itself has failed: what `on_error` says."""
        try:
            closed = self.config.daemon.on_error == "closed" or self.counting.strict(call) is not None
            if not closed:
                self.counting.admit_freely(call)
        except Exception:
            closed = True
        if closed:
            text = wording.plain_refusal("it could not be decided. See tokenguard doctor and the log of its daemon")
            return self._refuse(call, Verdict("refuse", None, text))
        self._turns.begin(call, facts)
        self._flight.unguarded.add(call.id)
        self._flight.start(call)
        return Admission(call, Verdict("allow"))

    def unreadable(self, session: Session | None, provider: str) -> str | None:
        """Why a request may not pass that no dialect claims, and that may cost something; None if it may."""
        call = self.begin(session, provider=provider, dialect="unknown", facts=Facts("unknown"), headers={})
        slot = self.counting.strict(call)
        if slot is None:
            return None
        label = wording.safe_label(slot.label)
        return wording.plain_refusal(f"the budget {label} is strict, and nobody here can read what this may cost")

    def unmetered(self, session: Session | None, provider: str, method: str, path: str, status: int) -> None:
        """Record a request that may have cost what nobody here can read: unknown is never zero."""
        if not 200 <= status < 300:
            return
        call = self.begin(session, provider=provider, dialect="unknown", facts=Facts("unknown"), headers={})
        log.warning("forwarded to %s without a meter: %s %s", provider, method, path[:80])
        self.sessions.of(call.session).totals += self._settler.unmetered(call, status, self.now())

    def counted(self, session: Session | None) -> None:
        """A session has asked a provider to count tokens, which is free."""
        self.sessions.of(session.id if session else UNWRAPPED).beside.count("count")

    def drain(self, call: Call) -> Drain | None:
        """How far a call's answer is read on when its client leaves; None if the disconnect is passed on at once."""
        return ways.drain(self.config, call)

    def upstream_of(self, session: Session | None, provider: str) -> str | None:
        """Base URL of a provider: the user's configuration, else what the agent's own settings name, else the usual."""
        return ways.upstream_of(self.config, session, provider)

    def network_of(self, session: Session | None) -> Network:
        """How providers are reached: what is configured, and from the environment of the run what is not."""
        return ways.network_of(self._network, self.sessions.of(session.id if session else UNWRAPPED).network)

    def _began(self, live: Live) -> None:
        self.tell("session.started", view.session_view(live, 0))

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
        self._network = ways.configured_network(config)
        if config.loops != before.loops or config.preflight != before.preflight:
            self._noticing.configure(config)
        self.counting.books.forget()
        if catalogue is not None:
            self._take_prices(catalogue)

    def _charged(self, ids: Collection[int]) -> Collection[int]:
        return queries.charged(self._ledger.read(), ids)

    def _take_prices(self, catalogue: prices.Catalogue) -> None:
        self._calls.catalogue = catalogue
        self.beyond.prices = prices.Many(catalogue)
        self._decider.reserver = Reserver(catalogue, self._turns)
        self._settler.charger = Charger(catalogue, self._turns)

    def _take_agents(self, known: Agents) -> None:
        self._calls.agents = self._decider.agents = known
        self.unwrapped.know(known.all)

    async def tick(self) -> None:
        """Once a minute: charge what a crash left open for too long, and drop what has ended."""
        after = int(self.config.ledger.presume_after * 1_000_000)
        # After a clock was set back, calls of an earlier daemon may seem to begin only later.
        before = _ALL_TIME_US if self.now.runs_since(after) else self.now() - after
        self.counting.presumed(await self._ledger.presume(before))
        self.counting.sweep()
        if await self._ledger.audit():
            self.counting.books.forget()

    @property
    def busy(self) -> int:
        """Calls in flight."""
        return len(self._flight)

    def _record(self, decision: Decision) -> None:
        self._ledger.decide(decision).add_done_callback(_log_undecided)

    def _budgets_of(self, session_id: str, repo: str | None) -> tuple[Budget, ...]:
        # What a team shares is known also of a repository whose session is not known again.
        return (*self.sessions.of(session_id).budgets, *self.config.budgets, *self.teams.budgets(repo))

    def _above(self, session_id: str) -> list[tuple[str, tuple[Budget, ...]]]:
        everybodys = tuple(budget for budget in self.config.budgets if budget.scope == "session")
        return [(outer.id, (*outer.budgets, *everybodys)) for outer in self.sessions.of(session_id).above]

    def _refuse(self, call: Call, verdict: Verdict) -> Admission:
        live = self.sessions.of(call.session)
        live.refused += 1
        live.billing, live.billing_us, live.your_turn = call.billing, call.started_us, False
        self._ledger.refuse(call, verdict).add_done_callback(lambda done: log_failure(call, done))
        self.tell("call.refused", told_of(call) | {"budget": verdict.budget, "reason": verdict.reason})
        return Admission(call, verdict, self.in_dialect(call, verdict.reason))

    def in_dialect(self, call: Call, text: str) -> Refusal:
        """A refusal as the agent of the call takes it, else as the clients of its dialect do."""
        return self._worded(call.agent, call.dialect, text)

    def of_no_session(self, token: str, dialect: str) -> Refusal:
        """The refusal of a call whose token stands for no running session: it is over, or never was."""
        session, text = self._strangers.of(token)
        return self._worded(session.agent if session else "", dialect, text)

    def _worded(self, agent: str, dialect: str, text: str) -> Refusal:
        return refusal(self._calls.agents.named(agent), dialect, text)


def _log_undecided(done: asyncio.Future[None]) -> None:
    if not done.cancelled() and done.exception() is not None:
        log.error("a decision is not in the ledger: %s", done.exception())
