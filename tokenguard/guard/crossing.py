"""Admission and settlement: the verdict on a call before it is forwarded, and its charge when it has ended."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping

from msgspec import Struct

from tokenguard import agents, prices
from tokenguard.config.settings import Config
from tokenguard.errors import LedgerError
from tokenguard.guard.books import Reservation
from tokenguard.guard.charging import Charger, Ending
from tokenguard.guard.counting import Counting, refuses, resets_at
from tokenguard.guard.hub import Hub
from tokenguard.guard.registry import UNWRAPPED
from tokenguard.guard.reserving import Reserver
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.turns import Turns
from tokenguard.ledger import Ledger, Settlement
from tokenguard.policy import wording
from tokenguard.policy.budgets import Standing
from tokenguard.policy.disconnects import Drain, Habit, habit
from tokenguard.records import Amount, Budget, Call, Charge, Event, Facts, Reading, Session, Totals, Usage, Verdict
from tokenguard.upstream import Network
from tokenguard.wire import DIALECTS
from tokenguard.wire.shape import Refusal

log = logging.getLogger(__name__)


class Admission(Struct, frozen=True):
    """The answer to a call: forward it, or send `refusal` instead."""

    call: Call
    verdict: Verdict
    refusal: Refusal | None = None


class Guard:
    """Admits and settles calls by the configured budgets. Lives on one event loop and never waits for the disk there.

    Its parts are open to those who look after them: `sessions`, `counting` (budgets), `hub` (events).
    """

    def __init__(self, ledger: Ledger, catalogue: prices.Catalogue, config: Config, clock: Callable[[], int]) -> None:
        """`clock` gives microseconds since the epoch; that it may step back is taken care of here."""
        self.config = config
        self._network = _configured(config)
        self.hub = Hub()
        self._clock = clock
        self._latest_us = 0
        self.sessions = Sessions(ledger, self.now)
        self.counting = Counting(ledger, self._budgets_of, self.now)
        self._ledger = ledger
        self._turns = Turns(ledger)
        self._take_prices(catalogue)
        self._in_flight: set[int] = set()
        self._ids = itertools.count(ledger.next_call_id)

    def now(self) -> int:
        """Microseconds since the epoch. A clock that is set back stands still here, so that no window opens twice."""
        self._latest_us = max(self._latest_us, self._clock())
        return self._latest_us

    def session_of(self, token: str) -> Session | None:
        """The running session that a token stands for."""
        live = self.sessions.by_token(token)
        return live.session if live else None

    def begin(
        self, session: Session | None, *, provider: str, dialect: str, facts: Facts, headers: Mapping[str, str]
    ) -> Call:
        """The call that a request of this session makes; without a session it belongs to the unwrapped ones."""
        live = self.sessions.of(session.id if session else UNWRAPPED)
        return Call(
            id=next(self._ids),
            session=live.session.id,
            agent=live.session.agent,
            provider=provider,
            dialect=dialect,
            model=facts.model,
            started_us=self.now(),
            stream=facts.stream,
            repo=live.session.repo,
            branch=live.place.branch() or live.session.branch,
            task=live.session.task,
        )

    async def admit(self, call: Call, facts: Facts) -> Admission:
        """Decide on a call. One that is let through is reserved, durably, in every budget that it meets.

        Whoever is let through must settle the call, whatever becomes of it.
        """
        reservation = self._reserver.reservation(call, facts)
        over = await self.counting.reserve(call, reservation)
        if over and refuses(over[0]):
            return self._refuse(call, over[0], reservation)
        verdict = _warning(over)
        try:
            await self._ledger.reserve(call, reservation.worst, verdict)
        except LedgerError as error:
            log.error("call %d could not be reserved: %s", call.id, error)
            if self.config.daemon.on_error == "closed":
                self._turns.end(call)
                self.counting.release(call)
                text = wording.plain_refusal("its spend cannot be written down. See tokenguard doctor")
                return Admission(call, Verdict("refuse", None, text), self._in_dialect(call, text))
        except asyncio.CancelledError:
            # The client left before anything was forwarded.
            self.settle(call, Reading(), status=None, outcome="client-gone")
            raise
        self._started(call)
        return Admission(call, verdict or Verdict("allow"))

    def join(self, call: Call) -> None:
        """Take note of a call that the provider began unasked: nobody can refuse it any more, but it counts.

        It must be settled like one that was let through.
        """
        self.counting.admit_freely(call)
        self._started(call)

    def _started(self, call: Call) -> None:
        live = self.sessions.of(call.session)
        self._in_flight.add(call.id)
        live.in_flight += 1
        live.last_us = call.started_us
        self.tell("call.started", _told(call))

    def progress(self, call: Call, reading: Reading) -> None:
        """Tell what a call that still runs has read so far."""
        if self.hub.listened:
            self.tell("call.progress", _told(call) | {"usage": reading.usage, "output_bytes": reading.output_bytes})

    def settle(self, call: Call, reading: Reading, *, status: int | None, outcome: str) -> None:
        """Put the charge of a call that has ended in place of its reservation. Never raises, never waits."""
        ending = Ending(status, outcome, self.now(), self._habit(call))
        charge, legs = self._charger.charge(call, reading, ending)
        usage = Reading(legs=legs).usage
        written = self._ledger.settle(
            Settlement(
                call=call,
                charge=charge,
                ended_us=ending.at_us,
                outcome=outcome,
                legs=legs,
                usage=usage,
                served=reading.model,
                response_id=reading.response_id,
                status=status,
            )
        )
        written.add_done_callback(lambda done: _log_failure(call, done))
        changed = self.counting.settle(call, Amount(charge.nanos, usage.total, 1), written)
        sums = _sums(charge, usage)
        was_in_flight = call.id in self._in_flight
        self._in_flight.discard(call.id)
        # An answer that was read on without its client can end after the session.
        if (live := self.sessions.running.get(call.session)) is not None:
            live.in_flight = max(0, live.in_flight - was_in_flight)
            live.last_us = ending.at_us
            live.totals += sums
        self.tell(
            "call.settled",
            _told(call)
            | {
                "served": reading.model,
                "response_id": reading.response_id,
                "status": status,
                "outcome": outcome,
                "usage": usage,
                "cost_nanos": charge.nanos,
                "cost_low_nanos": charge.nanos - sums.below_nanos,
                "cost_high_nanos": charge.nanos + sums.above_nanos,
                "confidence": charge.confidence,
                "marks": charge.marks,
            },
        )
        for standing in changed:
            self.tell(
                "budget.level",
                {
                    "budget": standing.slot.label,
                    "level": standing.level,
                    "spent": standing.spent,
                    "limit": standing.limit,
                },
            )

    def unmetered(self, session: Session | None, provider: str, method: str, path: str, status: int) -> None:
        """Record a request that may have cost what nobody here can read: unknown is never zero."""
        if not 200 <= status < 300:
            return
        call = self.begin(session, provider=provider, dialect="unknown", facts=Facts("unknown"), headers={})
        self.counting.admit_freely(call)
        log.warning("forwarded to %s without a meter: %s %s", provider, method, path[:80])
        written = self._ledger.settle(
            Settlement(call=call, charge=None, ended_us=self.now(), outcome="unmetered", status=status)
        )
        written.add_done_callback(lambda done: _log_failure(call, done))
        self.counting.settle(call, Amount(calls=1), written)
        self.sessions.of(call.session).totals += Totals(calls=1, unpriced=1)

    def drain(self, call: Call) -> Drain | None:
        """How far a call's answer is read on when its client leaves; None if the disconnect is passed on at once."""
        caps = self.config.interrupted
        if self._habit(call) is not Habit.RUNS_ON or not caps.drain_seconds or not caps.drain_bytes:
            return None
        return Drain(caps.drain_seconds, caps.drain_bytes)

    def upstream_of(self, session: Session | None, provider: str) -> str | None:
        """Base URL of a provider: the user's configuration, else what the agent's own settings name, else the usual."""
        own = dict(session.upstreams).get(provider) if session else None
        if own is None or provider in self.config.chosen_providers:
            return self.config.providers.get(provider)
        return own

    def network_of(self, session: Session | None) -> Network:
        """How providers are reached: what is configured, and from the environment of the run what is not."""
        own = self.sessions.of(session.id if session else UNWRAPPED).network
        given = self._network
        return Network(
            given.proxy or own.proxy,
            given.plain_proxy or own.plain_proxy,
            given.no_proxy or own.no_proxy,
            own.ca_bundles + given.ca_bundles,
        )

    def forget(self, session_id: str) -> None:
        """Drop what was remembered of a session that has ended."""
        self._turns.forget(session_id)

    def tell(self, kind: str, data: dict[str, object]) -> None:
        """Tell whoever listens."""
        self.hub.tell(Event(kind, self.now(), data))

    def reload(self, config: Config, catalogue: prices.Catalogue | None = None) -> None:
        """Take a changed configuration, and other prices where they are given.

        What was counted is read again from the ledger; it keeps the prices at which it was settled.
        """
        self.config = config
        self._network = _configured(config)
        self.counting.books.forget()
        if catalogue is not None:
            self._take_prices(catalogue)

    def _take_prices(self, catalogue: prices.Catalogue) -> None:
        self._reserver = Reserver(catalogue, self._turns)
        self._charger = Charger(catalogue, self._turns)

    async def tick(self) -> None:
        """Once a minute: charge what a crash left open for too long, and drop what has ended."""
        before = self.now() - int(self.config.ledger.presume_after * 1_000_000)
        self.counting.presumed(await self._ledger.presume(before))
        self.counting.sweep()

    @property
    def busy(self) -> int:
        """Calls in flight."""
        return len(self._in_flight)

    def _habit(self, call: Call) -> Habit:
        setting = self.config.on_disconnect.get(call.provider, "auto")
        return habit(call.provider, call.dialect, stream=call.stream, setting=setting)

    def _budgets_of(self, session_id: str) -> tuple[Budget, ...]:
        return (*self.sessions.of(session_id).budgets, *self.config.budgets)

    def _refuse(self, call: Call, standing: Standing, reservation: Reservation) -> Admission:
        self._turns.end(call)
        budget = standing.slot.budget
        need = reservation.by(budget)
        text = wording.refusal(
            standing, need.of(budget.unit) if need else None, call.started_us, resets_at(standing.slot)
        )
        verdict = Verdict("refuse", standing.slot.label, text)
        self.sessions.of(call.session).refused += 1
        self._ledger.refuse(call, verdict).add_done_callback(lambda done: _log_failure(call, done))
        self.tell("call.refused", _told(call) | {"budget": verdict.budget, "reason": text})
        return Admission(call, verdict, self._in_dialect(call, text))

    def _in_dialect(self, call: Call, text: str) -> Refusal:
        """A refusal as the agent of the call takes it, else as the clients of its dialect do."""
        return agents.named(call.agent).refuse(call.dialect, text) or DIALECTS[call.dialect].refuse(text)


def _configured(config: Config) -> Network:
    return Network.of(config.network.proxy, config.network.no_proxy, config.network.ca_bundle)


def _warning(over: list[Standing]) -> Verdict | None:
    if not over:
        return None
    label = over[0].slot.label
    return Verdict("warn", label, f"the budget {label} is used up; it only warns")


def _sums(charge: Charge, usage: Usage) -> Totals:
    low, high = charge.low_nanos, charge.high_nanos
    below = 0 if low is None else charge.nanos - low
    above = 0 if high is None else high - charge.nanos
    return Totals(1, charge.nanos, usage, charge.confidence, 0, below, above)


def _told(call: Call) -> dict[str, object]:
    """What events tell of a call."""
    return {
        "id": call.id,
        "session": call.session,
        "agent": call.agent,
        "repo": call.repo,
        "branch": call.branch,
        "model": call.model,
        "provider": call.provider,
    }


def _log_failure(call: Call, done: asyncio.Future[None]) -> None:
    if not done.cancelled() and done.exception() is not None:
        log.error("call %d is not in the ledger: %s", call.id, done.exception())
