"""Admission: a call is let through once its reservation is in the ledger, or it is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from msgspec import Struct

from tokenguard.errors import LedgerError
from tokenguard.guard.counting import Counting
from tokenguard.guard.deciding import Count, Decider
from tokenguard.guard.flight import Flight
from tokenguard.guard.refusals import Refusals
from tokenguard.guard.settling import Settler
from tokenguard.guard.turns import Turns
from tokenguard.ledger import Ledger
from tokenguard.policy import wording
from tokenguard.records import Call, Facts, Verdict
from tokenguard.wire.shape import Refusal

log = logging.getLogger(__name__)


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


class Admitter:
    """Admits calls."""

    def __init__(
        self,
        ledger: Ledger,
        counting: Counting,
        decider: Decider,
        turns: Turns,
        flight: Flight,
        settler: Settler,
        refusals: Refusals,
        closed: Callable[[], bool],
    ) -> None:
        """`closed` says whether calls are refused over which tokenguard itself fails."""
        self._ledger = ledger
        self._counting = counting
        self._decider = decider
        self._turns = turns
        self._flight = flight
        self._settler = settler
        self._refusals = refusals
        self._closed = closed

    async def admit(self, call: Call, facts: Facts, count: Count | None = None) -> Admission:
        """See `Guard.admit`."""
        try:
            ruling = await self._decider.rule(call, facts, count)
        except Exception as error:
            # Only the type: what is wrong here may be anything.
            log.error("call %d could not be decided: %s", call.id, type(error).__name__)
            return self._undecided(call, facts)
        if ruling.verdict.action == "refuse":
            return self._refused(ruling.call, ruling.verdict)
        call, verdict = ruling.call, ruling.verdict
        self._turns.begin(call, ruling.facts)
        try:
            told = verdict if verdict.reason else None
            await self._ledger.reserve(call, ruling.reservation.worst, told)
        except LedgerError as error:
            if self._ledger.failing is None:
                log.error("call %d could not be reserved: %s", call.id, error)
            if self._closed() or self._counting.strict(call):
                self._counting.release(call)
                self._turns.end(call)
                text = wording.plain_refusal("its spend cannot be written down. See tokenguard status")
                return self._refused(call, Verdict("refuse", None, text))
            self._flight.unguarded.add(call.id)
        except asyncio.CancelledError:
            self._settler.withdraw(call, "its agent left before it was let through")
            raise
        self._flight.start(call)
        model = call.model if call.requested else None
        return Admission(call, verdict, model=model, max_output=ruling.max_output)

    def _undecided(self, call: Call, facts: Facts) -> Admission:
        """The answer to a call over which tokenguard itself has failed: what `on_error` says."""
        try:
            closed = self._closed() or self._counting.strict(call) is not None
            if not closed:
                self._counting.admit_freely(call)
        except Exception:
            closed = True
        if closed:
            text = wording.plain_refusal("it could not be decided. See tokenguard doctor and the log of its daemon")
            return self._refused(call, Verdict("refuse", None, text))
        self._turns.begin(call, facts)
        self._flight.unguarded.add(call.id)
        self._flight.start(call)
        return Admission(call, Verdict("allow"))

    def _refused(self, call: Call, verdict: Verdict) -> Admission:
        return Admission(call, verdict, self._refusals.refuse(call, verdict))
