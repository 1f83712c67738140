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
        """What to set aside for a call. One without a listed price, or of unknown size, is not `bounded`."""
        self._turns.begin(call, facts)
        asked = Context(tier=facts.tier, speed=facts.speed)
        usage = self._turns.likely(call, facts)
        leg = Leg(call.model, usage, context=asked)
        priced = prices.charge(self._catalogue, call.provider, (leg,), call.started_us)
        likely = Amount(priced.nanos, usage.total, 1)
        found = self._catalogue.find(call.provider, call.model)
        limit = estimate.worst(facts, found.model.window if found else None)
        if limit is None:
            return Reservation(likely, likely, bounded=False)
        rates = prices.dearest(self._catalogue, call.provider, call.model, call.started_us, asked)
        nanos = rates.nanos(limit.input, limit.output)
        worst = Amount(max(nanos, likely.nanos), max(limit.total, likely.tokens), 1)
        return Reservation(likely, worst, bounded=not rates.mark)
