"""Settlement: what a call came to, in place of what was set aside for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tokenguard.guard import remarks, showing
from tokenguard.guard.beyond import Beyond
from tokenguard.guard.charging import Charger, Ending
from tokenguard.guard.clock import Clock
from tokenguard.guard.counting import Counting
from tokenguard.guard.flight import Flight
from tokenguard.guard.noticing import Noticing
from tokenguard.guard.telling import settled, told_of, totals_of
from tokenguard.guard.turns import Turns
from tokenguard.guard.unwaited import unwaited
from tokenguard.ledger import Ledger, Settlement
from tokenguard.records import Amount, Call, Confidence, Reading, Totals

_ALL_TIME_US = 2**62
"""After every instant: also after those of a clock that was far ahead."""


class Settler:
    """Books the calls that have ended. `charger` is set, and set anew with other prices."""

    charger: Charger

    def __init__(
        self,
        ledger: Ledger,
        counting: Counting,
        flight: Flight,
        turns: Turns,
        noticing: Noticing,
        beyond: Beyond,
        tell: Callable[[str, dict[str, Any]], None],
        now: Clock,
    ) -> None:
        self._ledger = ledger
        self._counting = counting
        self._flight = flight
        self._turns = turns
        self._noticing = noticing
        self._beyond = beyond
        self._tell = tell
        self._now = now

    def settle(self, call: Call, reading: Reading, ending: Ending) -> None:
        """Put the charge of a call that has ended in place of its reservation. Never raises, never waits."""
        call = replace(call, billing=self._flight.paid.pop(call.id, call.billing))
        reserved = self._counting.books.reserved_for(call.id)
        bound = reserved.worst.nanos if reserved is not None and reserved.bounded else 0
        charge, legs = self.charger.charge(call, reading, ending, bound or None)
        if call.id in self._flight.unguarded:
            self._flight.unguarded.discard(call.id)
            charge = replace(charge, marks=(*charge.marks, "unguarded"))
        usage = Reading(legs=legs).usage
        above = 0 if charge.high_nanos is None else charge.high_nanos - charge.nanos
        amount = Amount(charge.nanos, usage.total, 1, usage, above)
        changed = self._counting.settle(call, amount, exact=charge.confidence is Confidence.EXACT and charge.nanos > 0)
        written = self._written(
            Settlement(
                call=call,
                charge=charge,
                ended_us=ending.at_us,
                outcome=ending.outcome,
                legs=legs,
                usage=usage,
                served=reading.model,
                response_id=reading.response_id,
                status=ending.status,
            ),
            amount,
        )
        written.add_done_callback(self._overtaken)
        if (live := self._flight.end(call)) is not None:
            live.last_us = ending.at_us
            live.billing, live.billing_us = call.billing, ending.at_us
            taken = totals_of(call, charge, usage)
            live.totals += taken
            live.beside.add(call, taken)
            remarks.answered(live, ending.status)
        # A client may close right behind the last event: what has its bill did not fail.
        failed = ending.outcome != "ok" and reading.state != "final"
        self._noticing.runaway.settled(call, failed=failed, nanos=charge.nanos, ended_us=ending.at_us)
        told = settled(call, reading, charge, usage, status=ending.status, outcome=ending.outcome)
        self._tell("call.settled", told)
        for standing in changed:
            self._tell("budget.level", showing.level_view(standing))

    def unmetered(self, call: Call, status: int, at_us: int) -> Totals:
        """Book a call that may have cost what nobody here can read; what it adds to sums."""
        self._counting.admit_freely(call)
        amount = Amount(calls=1)
        self._counting.settle(call, amount)
        self._written(Settlement(call=call, charge=None, ended_us=at_us, outcome="unmetered", status=status), amount)
        return Totals(calls=1, unpriced=1)

    async def presume(self, after_us: int) -> None:
        """Charge what a crash left open for so long, at its worst case."""
        # After a clock was set back, calls of an earlier daemon may seem to begin only later.
        before = _ALL_TIME_US if self._now.runs_since(after_us) else self._now() - after_us
        self._counting.presumed(await self._ledger.presume(before))

    def withdraw(self, call: Call, reason: str) -> None:
        """A call that was reserved is not forwarded after all."""
        self._turns.end(call)
        self._counting.release(call)
        unwaited(self._ledger.withdraw(call.id, reason), f"call {call.id}")
        self._flight.end(call)
        self._tell("call.refused", told_of(call) | {"budget": None, "reason": reason})

    def _written(self, settlement: Settlement, amount: Amount) -> asyncio.Future[bool]:
        call, written = settlement.call, self._ledger.settle(settlement)
        unwaited(written, f"call {call.id}")
        self._counting.tally.writing(call, amount, written)
        return written

    def _overtaken(self, written: asyncio.Future[bool]) -> None:
        if not written.cancelled() and written.exception() is None:
            self._beyond.ended(overtook=written.result())
