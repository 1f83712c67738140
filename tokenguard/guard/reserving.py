"""What to set aside for a call before it is forwarded: where estimates meet prices."""

from __future__ import annotations

from tokenguard import prices
from tokenguard.guard.books import Reservation
from tokenguard.guard.turns import Turns
from tokenguard.policy import estimate
from tokenguard.records import Amount, Call, Context, Facts, Leg


class Reserver:
    """Puts a price on what a request may take."""

    def __init__(self, catalogue: prices.Catalogue, turns: Turns) -> None:
        self._catalogue = catalogue
        self._turns = turns

    def reservation(self, call: Call, facts: Facts) -> Reservation:
        """What to set aside for a call. `worst` is None where nothing bounds its input or its output."""
        self._turns.begin(call, facts)
        asked = Context(tier=facts.tier, speed=facts.speed)
        usage = self._turns.likely(call, facts)
        priced = prices.charge(
            self._catalogue, call.provider, (Leg(call.model, usage, context=asked),), call.started_us
        )
        likely = Amount(priced.nanos, usage.total, 1)
        return Reservation(likely, self._worst(call, facts, asked, likely))

    def _worst(self, call: Call, facts: Facts, asked: Context, likely: Amount) -> Amount | None:
        found = self._catalogue.find(call.provider, call.model)
        usage = estimate.worst(facts, found.model.window if found else None)
        if usage is None:
            return None
        rates = prices.dearest(self._catalogue, call.provider, call.model, call.started_us, asked)
        nanos = rates.nanos(usage.input, usage.output)
        return Amount(max(nanos, likely.nanos), max(usage.total, likely.tokens), 1)
