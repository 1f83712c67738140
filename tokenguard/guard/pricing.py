"""What calls cost, before and after: the one place where estimates and prices meet."""

from __future__ import annotations

from msgspec.structs import replace

from tokenguard import prices
from tokenguard.guard.books import Reservation
from tokenguard.policy import estimate
from tokenguard.policy.estimate import BYTES_PER_TOKEN, Turn
from tokenguard.records import Amount, Call, Charge, Confidence, Context, Facts, Leg, Reading
from tokenguard.wire.shape import EXACT_MARKS

_REASONS = {"none": "no-usage", "partial": "interrupted", "final": "no-input-count"}
"""Why legs had to be presumed, by the state of the reading."""


class Pricer:
    """Prices calls by a catalogue, and remembers the last turn of each session to estimate the next one."""

    def __init__(self, catalogue: prices.Catalogue) -> None:
        self.catalogue = catalogue
        self._turns: dict[tuple[str, str], Turn] = {}
        self._sent: dict[int, Facts] = {}

    def reservation(self, call: Call, facts: Facts) -> Reservation:
        """What to set aside for a call. `worst` is None where its input, its output or its price has no bound."""
        self._sent[call.id] = facts
        likely = self._likely(call, facts)
        return Reservation(likely, self._worst(call, facts, likely))

    def charge(self, call: Call, reading: Reading, status: int | None) -> tuple[Charge, tuple[Leg, ...]]:
        """The charge of a call that has ended, and the legs that were charged.

        Answers outside 2xx cost nothing: providers do not bill what failed before output. A success without a bill is
        charged by what was sent and what was seen of the answer, and marked; so is a request that was `sent` and never
        answered, since the provider may have done the work.
        """
        facts = self._sent.pop(call.id, Facts(call.model))
        unanswered = status is None and "sent" in reading.marks
        if not unanswered and (status is None or not 200 <= status < 300):
            return Charge(0, marks=reading.marks), ()
        legs, marks, confidence = reading.legs, reading.marks, Confidence.EXACT
        if not EXACT_MARKS.issuperset(marks):
            confidence = Confidence.ESTIMATED
        if reading.state == "final" and "all-zero-usage" not in marks:
            self._turns[call.session, call.model] = Turn(facts.body_bytes, reading.usage, call.started_us)
        else:
            legs = self._presumed_legs(call, facts, reading)
            marks = (*marks, _REASONS[reading.state])
            confidence = Confidence.ESTIMATED
        priced = prices.charge(self.catalogue, call.provider, legs, call.started_us)
        confidence = confidence.worst(priced.confidence)
        return Charge(priced.nanos, confidence, (*marks, *priced.marks), priced.leg_nanos), legs

    def drop(self, call: Call) -> None:
        """Forget a call that is not forwarded."""
        self._sent.pop(call.id, None)

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session that has ended."""
        for key in [key for key in self._turns if key[0] == session]:
            del self._turns[key]

    def _likely(self, call: Call, facts: Facts) -> Amount:
        usage = estimate.likely(facts, self._turns.get((call.session, call.model)), call.started_us)
        leg = Leg(call.model, usage, context=Context(tier=facts.tier, speed=facts.speed))
        charge = prices.charge(self.catalogue, call.provider, (leg,), call.started_us)
        return Amount(charge.nanos, usage.total, 1)

    def _worst(self, call: Call, facts: Facts, likely: Amount) -> Amount | None:
        found = self.catalogue.find(call.provider, call.model)
        usage = estimate.worst(facts, found.model.window if found else None)
        if usage is None:
            return None
        asked = Context(tier=facts.tier, speed=facts.speed)
        rates = prices.dearest(self.catalogue, call.provider, call.model, call.started_us, asked)
        nanos = rates.nanos(usage.input, usage.output)
        return Amount(max(nanos, likely.nanos), max(usage.total, likely.tokens), 1)

    def _presumed_legs(self, call: Call, facts: Facts, reading: Reading) -> tuple[Leg, ...]:
        """Legs of an answer that broke off: what was reported of the input, what was seen of the output."""
        seen = -(-reading.output_bytes // BYTES_PER_TOKEN)
        sent = estimate.likely(facts, self._turns.get((call.session, call.model)), call.started_us)
        if reading.legs:
            *others, last = reading.legs
            usage = last.usage if last.usage.prompt else sent
            usage = replace(usage, output=max(last.usage.output, seen))
            return (*others, replace(last, usage=usage))
        usage = replace(sent, output=seen) if seen else sent
        return (Leg(reading.model or call.model, usage, context=Context(tier=facts.tier, speed=facts.speed)),)
