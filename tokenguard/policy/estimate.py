"""What a call will take, before it is sent: likely, and with some certainty. What it cannot exceed is `worst`.

The prompt of a first turn follows from its bytes (`tokens`), that of a later one from what the provider counted for the
turn before and the bytes that came since. What every call of a model, and of a session, then took beside what was
expected is remembered as a `Trend`, and shifts and widens the next estimates.
"""

from __future__ import annotations

import math

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy.tokens import tokens
from tokenguard.policy.trend import Trend, mean_of_median
from tokenguard.records import Facts, Usage

BYTES_PER_TOKEN = 4
"""Of generated text, by the usual rule."""

FIRST_OUTPUT = 640
"""Output of a call of which nothing is known: 2 % of the 32,000 that agents allow, the median over recorded calls."""

CACHE_LIFE_US = {"5m": 5 * 60 * 1_000_000, "1h": 60 * 60 * 1_000_000}
"""A prompt cache forgets after that time without use."""

_P95 = 1.645
"""Standard deviations above the mean of a normal distribution below which 95 of 100 values lie."""

_SLACK = 40
"""Tokens by which a first prompt may miss whatever its size: what providers add to some models."""

_LATER_SLACK = 20
"""The same of a later turn."""

_SHORT = 200
"""Tokens of a conversation that is short."""

_TOOL_RESULT = 10_000
"""Tokens that a server tool finds, where it finds much; the prompt is then billed once more."""

_OF_THE_OUTPUT = frozenset({"reasoning", "n", "candidateCount"})
"""Of `Facts.uncapped`, what does not touch the prompt."""

_PROMPT_REACH = 1.0
_OUTPUT_REACH = 3.0
"""Surprises farther than this from the mean so far are taken for as much: one freak must not spoil what was learned."""


class Turn(Struct, frozen=True):
    """A settled call: what the next one of its conversation is estimated from."""

    facts: Facts
    usage: Usage
    at_us: int


class Experience(Struct, frozen=True):
    """What was learned of calls of one kind, as logarithms of what they took over what was expected."""

    first: Trend = Trend()
    """Prompts of first turns."""
    later: Trend = Trend()
    """What later turns added to the prompt."""
    output: Trend = Trend()


class Estimate(Struct, frozen=True):
    """The usage of a call that is not yet made."""

    likely: Usage
    """As often exceeded as not."""
    p95: Usage
    """Prompt and output that 95 of 100 calls each do not exceed, as long as the call is not `uncapped`."""
    mean: Usage
    """As `likely`, but with the output of an average call: long answers are rare, and make up much of all output."""


_PRIOR = Experience(first=Trend(6, 0.0, 6 * 0.4**2), later=Trend(4, 0.0, 4 * 0.4**2), output=Trend(2, 0.0, 2 * 1.3**2))
"""Before any call was seen."""

_MODEL_WEIGHT = 6
"""As many calls of a session outweigh all that its model did before."""


class _Guess(Struct, frozen=True):
    """An expected number of tokens; the part of it that scales with what was learned; what it may miss besides."""

    expected: float
    open: float
    slack: float

    @property
    def weight(self) -> float:
        """How much can be learned from it: little where it is small beside what it may miss anyway."""
        return self.open / (self.open + 5 * self.slack) if self.open else 0.0

    def surprise(self, actual: int) -> float:
        """How far it was off, as a logarithm."""
        ratio = 1 + (actual - self.expected) / (self.open + self.slack)
        return math.log(max(ratio, 1e-9))

    def tokens(self, trend: Trend, deviations: float) -> int:
        """What to expect by the surprises so far, that many standard deviations above the mean."""
        usual = math.exp(trend.at(0))
        unusual = math.exp(trend.at(deviations)) if deviations else usual
        return max(0, round(self.expected + self.open * (usual - 1) + (self.open + self.slack) * (unusual - usual)))


def estimate(facts: Facts, last: Turn | None, now_us: int, model: Experience, session: Experience) -> Estimate:
    """The usage to expect, from the turn before and from what was learned of the model and in the session."""
    kind, guess = _prompt_guess(facts, last)
    prompts = _known(kind, model, session)
    outputs = _known("output", model, session)
    output = _output_guess()
    likely, p95 = guess.tokens(prompts, 0), guess.tokens(prompts, _P95)
    if facts.rounds > 1:
        p95 += likely + _TOOL_RESULT
    usual = output.tokens(outputs, 0)
    probably = _in_buckets(likely, facts, last, now_us, _capped(usual, facts))
    return Estimate(
        probably,
        _in_buckets(p95, facts, last, now_us, _capped(output.tokens(outputs, _P95), facts)),
        replace(probably, output=_capped(round(usual * mean_of_median(outputs)), facts)),
    )


def learned(before: Experience, facts: Facts, last: Turn | None, usage: Usage) -> Experience:
    """With what a call took that was expected after `last`. What server tools add to a prompt teaches nothing."""
    kind, guess = _prompt_guess(facts, last)
    first, later = before.first, before.later
    tells = facts.prompt.messages and facts.rounds == 1 and _OF_THE_OUTPUT.issuperset(uncapped(facts, last))
    if tells and usage.prompt:
        surprise = guess.surprise(usage.prompt)
        if kind == "first":
            first = first.seen(surprise, _PROMPT_REACH, guess.weight)
        else:
            later = later.seen(surprise, _PROMPT_REACH, guess.weight)
    output = before.output.seen(_output_guess().surprise(usage.output), _OUTPUT_REACH)
    return Experience(first, later, output)


def uncapped(facts: Facts, last: Turn | None) -> set[str]:
    """What makes the call unbounded, but for what is known of the response that it continues."""
    return set(facts.uncapped) - ({"previous_response_id"} if last is not None else set[str]())


def _prompt_guess(facts: Facts, last: Turn | None) -> tuple[str, _Guess]:
    now = tokens(facts)
    if last is None:
        return "first", _Guess(now, now, _SLACK)
    counted = last.usage.prompt
    if facts.prompt.continues is not None:
        return "later", _Guess(counted + last.usage.output + now, now, last.usage.output / 2 + _LATER_SLACK)
    # How far the bytes of this conversation were off so far; little is learned from a short one.
    before = tokens(last.facts, facts.prompt.grain)
    added = (now - before) * (counted + _SHORT) / (before + _SHORT)
    return "later", _Guess(counted + added, abs(added), counted / 200 + _LATER_SLACK)


def _output_guess() -> _Guess:
    return _Guess(FIRST_OUTPUT, FIRST_OUTPUT, 0)


def _known(kind: str, model: Experience, session: Experience) -> Trend:
    prior: Trend = getattr(_PRIOR, kind)
    of_model: Trend = getattr(model, kind)
    of_session: Trend = getattr(session, kind)
    return of_session.after(of_model.after(prior, prior.count), _MODEL_WEIGHT)


def _in_buckets(prompt: int, facts: Facts, last: Turn | None, now_us: int, output: int) -> Usage:
    """With caching in use, what was sent before is expected to be read from the cache, and the rest to be written."""
    life = facts.prompt.cache_life
    read = 0
    if last is not None:
        cached = last.usage.cache_read or last.usage.cache_write_5m or last.usage.cache_write_1h
        if cached and now_us - last.at_us <= CACHE_LIFE_US[life or "5m"]:
            read = min(last.usage.prompt, prompt)
    fresh = prompt - read
    return Usage(
        input=0 if life else fresh,
        cache_read=read,
        cache_write_5m=fresh if life == "5m" else 0,
        cache_write_1h=fresh if life == "1h" else 0,
        output=output,
    )


def _capped(output: int, facts: Facts) -> int:
    return output if facts.max_output is None else min(output, facts.max_output)
