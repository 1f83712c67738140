"""What a call that has ended cost: the provider's bill where it came, else what was seen, marked."""

from __future__ import annotations

from msgspec.structs import replace

from tokenguard import prices
from tokenguard.guard.turns import Turns
from tokenguard.policy.estimate import BYTES_PER_TOKEN
from tokenguard.records import Call, Charge, Confidence, Context, Facts, Leg, Reading
from tokenguard.wire.shape import EXACT_MARKS

_REASONS = {"none": "no-usage", "partial": "interrupted", "final": "no-input-count"}
"""Why legs had to be presumed, by the state of the reading."""


class Charger:
    """Prices what was read of an answer."""

    def __init__(self, catalogue: prices.Catalogue, turns: Turns) -> None:
        self._catalogue = catalogue
        self._turns = turns

    def charge(self, call: Call, reading: Reading, status: int | None) -> tuple[Charge, tuple[Leg, ...]]:
        """The charge of a call that has ended, and the legs that were charged.

        Answers outside 2xx cost nothing: providers do not bill what failed before output. A success without a bill is
        charged by what was sent and what was seen of the answer, and marked; so is a request that was `sent` and never
        answered, since the provider may have done the work.
        """
        facts = self._turns.end(call)
        unanswered = status is None and "sent" in reading.marks
        if not unanswered and (status is None or not 200 <= status < 300):
            return Charge(0, marks=reading.marks), ()
        legs, marks, confidence = reading.legs, reading.marks, Confidence.EXACT
        if not EXACT_MARKS.issuperset(marks):
            confidence = Confidence.ESTIMATED
        if reading.state == "final" and "all-zero-usage" not in marks:
            self._turns.learn(call, facts, reading)
        else:
            legs = self._presumed_legs(call, facts, reading)
            marks = (*marks, _REASONS[reading.state])
            confidence = Confidence.ESTIMATED
        priced = prices.charge(self._catalogue, call.provider, legs, call.started_us)
        confidence = confidence.worst(priced.confidence)
        return Charge(priced.nanos, confidence, (*marks, *priced.marks), priced.leg_nanos), legs

    def _presumed_legs(self, call: Call, facts: Facts, reading: Reading) -> tuple[Leg, ...]:
        """Legs of an answer that broke off: what was reported of the input, what was seen of the output."""
        seen = -(-reading.output_bytes // BYTES_PER_TOKEN)
        sent = self._turns.likely(call, facts)
        if reading.legs:
            *others, last = reading.legs
            usage = last.usage if last.usage.prompt else sent
            return (*others, replace(last, usage=replace(usage, output=max(last.usage.output, seen))))
        usage = replace(sent, output=seen) if seen else sent
        return (Leg(reading.model or call.model, usage, context=Context(tier=facts.tier, speed=facts.speed)),)
