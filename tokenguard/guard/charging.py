"""What a call that has ended cost: the provider's bill where it came, else an interval around what was seen, marked."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from tokenguard import prices
from tokenguard.guard.turns import Turns
from tokenguard.policy import interrupted
from tokenguard.policy.disconnects import Habit
from tokenguard.policy.interrupted import Known, Span
from tokenguard.records import Call, Charge, Confidence, Context, Facts, Leg, Reading, Usage
from tokenguard.wire.shape import EXACT_MARKS

_EXACT = EXACT_MARKS | {"drained"}

_UNREAD = frozenset({"meter-failed", "undecodable"})
"""Marks of an answer of which unknown parts were not read: it is charged the most that it can have cost."""

_INCOMPLETE = frozenset({"all-zero-usage", "malformed-usage", "output-count-missing", "prompt-count-missing"})
"""Marks of a usage in which something is missing that was billed."""

_MOST_TOKENS = 1 << 36
"""Of one leg."""


class Ending(Struct, frozen=True):
    """How a call ended."""

    status: int | None
    outcome: str
    """As `Guard.settle` is told it."""
    at_us: int
    habit: Habit
    """Of its provider, when a client leaves."""


class Charger:
    """Prices what was read of an answer."""

    def __init__(self, catalogue: prices.Catalogue, turns: Turns) -> None:
        self._catalogue = catalogue
        self._turns = turns

    def charge(
        self, call: Call, reading: Reading, ending: Ending, bound: int | None = None
    ) -> tuple[Charge, tuple[Leg, ...]]:
        """The charge of a call that has ended, and the legs that were charged.

        `bound` is the most that it can cost in nanodollars, where that was known before it was sent.
        Answers outside 2xx cost nothing: providers do not bill what failed before output. A success without a bill is
        charged by what was sent and what was seen of the answer, and marked; so is a request that was `sent` and never
        answered, since the provider may have done the work.
        """
        facts = self._turns.end(call)
        reading = _believable(reading)
        status, marks = ending.status, (*reading.marks, *_why(reading, ending))
        sent = status is None and "sent" in reading.marks
        if not sent and (status is None or not 200 <= status < 300):
            return Charge(0, marks=marks), ()
        if reading.state == "final" and _INCOMPLETE.isdisjoint(marks):
            self._turns.learn(call, facts, reading)
            return self._billed(call, reading, marks), reading.legs
        return self._presumed(call, facts, reading, marks, ending, bound)

    def _billed(self, call: Call, reading: Reading, marks: tuple[str, ...]) -> Charge:
        priced = self._priced(call, reading.legs, marks)
        if _EXACT.issuperset(reading.marks):
            return priced
        estimated = replace(priced, confidence=Confidence.ESTIMATED.worst(priced.confidence))
        span = interrupted.doubted(reading)
        return estimated if span is None else self._within(call, estimated, span)

    def _presumed(
        self, call: Call, facts: Facts, reading: Reading, marks: tuple[str, ...], ending: Ending, bound: int | None
    ) -> tuple[Charge, tuple[Leg, ...]]:
        unread = reading.state != "final" and not _UNREAD.isdisjoint(marks)
        span = interrupted.span(reading, self._known(call, facts, ending, unread))
        understood = reading.response_id is not None or reading.legs or (facts.stream and reading.output_bytes)
        if ending.status is None or reading.error is not None or not understood:
            # It may not have been billed at all; a page of HTML can even come from somebody else.
            span = replace(span, low=())
        likely = self._priced(call, span.likely, marks)
        charge = self._within(call, replace(likely, confidence=Confidence.ESTIMATED.worst(likely.confidence)), span)
        if not reading.usage.prompt:
            charge = replace(charge, high_nanos=max(charge.high_nanos or 0, self._dearest(call, facts, span.high)))
        if bound is not None and charge.high_nanos is not None:
            # What was counted before it was sent tells more of a prompt than what is known now.
            charge = replace(charge, high_nanos=max(charge.nanos, min(charge.high_nanos, bound)))
        if not unread:
            return charge, span.likely
        most = charge.high_nanos or charge.nanos
        return replace(charge, nanos=most, confidence=Confidence.BOUND, leg_nanos=()), span.high

    def _known(self, call: Call, facts: Facts, ending: Ending, unread: bool) -> Known:
        found = self._catalogue.find(call.provider, call.model)
        return Known(
            dialect=call.dialect,
            model=call.model,
            facts=facts,
            expected=self._turns.likely(call, facts),
            last=self._turns.before(call, facts),
            window=found.model.window if found else None,
            # Of what was not read nobody knows how much it was.
            habit=Habit.UNKNOWN if unread else ending.habit,
            elapsed_us=max(0, ending.at_us - call.started_us),
        )

    def _priced(self, call: Call, legs: tuple[Leg, ...], marks: tuple[str, ...]) -> Charge:
        priced = prices.charge(self._catalogue, call.provider, _as_asked(call, legs), call.started_us)
        return replace(priced, marks=(*marks, *priced.marks)) if marks else priced

    def _within(self, call: Call, charge: Charge, span: Span) -> Charge:
        low, high = (self._priced(call, legs, ()) for legs in (span.low, span.high))
        # A price that is a bound itself makes nothing certain.
        certain = 0 if low.confidence is Confidence.BOUND else min(low.nanos, charge.nanos)
        return replace(charge, low_nanos=certain, high_nanos=max(high.nanos, charge.nanos))

    def _dearest(self, call: Call, facts: Facts, legs: tuple[Leg, ...]) -> int:
        """The last leg at any tier and in any region that the request does not rule out, for nobody told them."""
        *others, leg = legs
        asked = Context(tier=facts.tier, speed=facts.speed)
        rates = prices.dearest(self._catalogue, call.provider, leg.model, call.started_us, asked)
        fees = self._priced(call, (*others, replace(leg, usage=Usage())), ()).nanos
        return rates.nanos(leg.usage.prompt, leg.usage.output) + fees


def _as_asked(call: Call, legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """The legs by the names that have a price: Bedrock's answers leave out whether a model ran in one region."""
    if call.dialect != "bedrock-invoke":
        return legs
    return tuple(replace(leg, model=call.model) if leg.model in call.model else leg for leg in legs)


def _believable(reading: Reading) -> Reading:
    """Without the usage that no call can have: priced, it would fit into no column of the ledger."""
    if all(leg.usage.total <= _MOST_TOKENS for leg in reading.legs):
        return reading
    return replace(reading, legs=(), state="none", marks=(*reading.marks, "malformed-usage"))


def _why(reading: Reading, ending: Ending) -> tuple[str, ...]:
    """The mark of what is to blame that there is no bill."""
    if ending.status is None:
        return ("unreachable",) if ending.outcome == "unreachable" else ()
    if not 200 <= ending.status < 300 or reading.state == "final":
        return ()
    if reading.error is not None:
        return ("provider-error",)
    if ending.outcome in ("cut", "client-gone"):
        return ("cut-stream" if ending.outcome == "cut" else "client-gone",)
    if {"all-zero-usage", "half-event"}.intersection(reading.marks):
        return ()
    return ("no-usage" if reading.state == "none" else "no-final-usage",)
