"""What to set aside for a call before it is forwarded: where estimates meet prices."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from tokenguard import prices
from tokenguard.guard.reservation import Reservation
from tokenguard.guard.turns import Turns
from tokenguard.policy.outgrown import Output, outgrown
from tokenguard.policy.worst import longest
from tokenguard.policy.worst import worst as most_usage
from tokenguard.prices import compare
from tokenguard.records import Amount, Call, Context, Facts, Usage


class Reserver:
    """Puts a price on what a request may take."""

    def __init__(self, catalogue: prices.Catalogue, turns: Turns) -> None:
        self._catalogue = catalogue
        self._turns = turns

    def reservation(self, call: Call, facts: Facts) -> Reservation:
        """What to set aside for a call. One without a listed price, or of unknown size, is not `bounded`."""
        asked = Context(tier=facts.tier, speed=facts.speed)
        expected = self._turns.estimate(call, facts)
        likely, p95, mean = self._priced(call, (expected.likely, expected.p95, expected.mean), asked)
        found = self._catalogue.find(call.provider, call.model)
        window = found.model.window if found else None
        before, repeated = self._turns.before(call, facts), self._turns.repeated(call, facts)
        limit = most_usage(facts, window, before, repeated, longest(call.provider, window))
        if limit is None:
            return Reservation(likely, p95, bounded=False, p95=p95, mean=mean)
        rates = prices.dearest(self._catalogue, call.provider, call.model, call.started_us, asked)
        nanos = rates.nanos(limit.input, limit.output)
        prompt, output = limit.prompt, limit.output
        most = Usage(prompt, prompt, prompt, 0, output)
        worst = Amount(max(nanos, likely.nanos), max(limit.total, likely.tokens), 1, most)
        return Reservation(likely, worst, bounded=not rates.mark, p95=p95, mean=mean)

    def outgrown(self, call: Call, facts: Facts, reservation: Reservation, so_far: int) -> Reservation:
        """What to set aside for a call that has answered so many tokens and goes on."""
        before = (reservation.likely, reservation.mean or reservation.likely, reservation.p95 or reservation.likely)
        expected = outgrown(Output(*(amount.usage.output for amount in before)), so_far)
        asked = Context(tier=facts.tier, speed=facts.speed)
        most = facts.max_output or math.inf
        usages = [
            replace(amount.usage, output=math.ceil(min(output, most)))
            for amount, output in zip(before, (expected.likely, expected.mean, expected.p95), strict=True)
        ]
        likely, mean, p95 = self._priced(call, usages, asked)
        return replace(reservation, likely=likely, mean=mean, p95=p95)

    def cheaper(self, call: Call, facts: Facts) -> tuple[Call, Facts, Reservation] | None:
        """A call as the next model down would serve it; None if there is none, or if it costs no less."""
        model = compare.next_down(self._catalogue, call.provider, call.model, call.started_us)
        if model is None:
            return None
        other = replace(call, model=model, requested=call.requested or call.model)
        asked = replace(facts, model=model, counted=None)
        reservation = self.reservation(other, asked)
        saves = reservation.about_nanos < self.reservation(call, facts).about_nanos
        return (other, asked, reservation) if saves else None

    def longest_output(self, call: Call) -> int | None:
        """The most that the model of a call can answer, in tokens, where it is known."""
        found = self._catalogue.find(call.provider, call.model)
        return longest(call.provider, found.model.window if found else None)

    def _priced(self, call: Call, usages: Sequence[Usage], asked: Context) -> list[Amount]:
        nanos = prices.nanos_of(self._catalogue, call.provider, call.model, asked, usages, call.started_us)
        return [Amount(cost, usage.total, 1, usage) for cost, usage in zip(nanos, usages, strict=True)]
