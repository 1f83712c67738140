"""What a call cost of which no bill came: at least, likely and at most, as legs that can be priced.

At least what the provider has reported, or must have taken; likely that and what was seen; at most what it can have
generated until it stopped, and what the request can have been. Docs/metering.md tells the rules and how good they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy.disconnects import Habit
from tokenguard.policy.estimate import BYTES_PER_TOKEN, Turn
from tokenguard.policy.worst import WORST_TOOL_PROMPT
from tokenguard.records import Context, Facts, Leg, Reading, Usage

MOST_BYTES_PER_TOKEN = 8
"""Of generated text: at most 5.3 in 101 of 102 recorded streams. The other one quoted what a search had found."""

MOST_PROMPT_BYTES_PER_TOKEN = 16
"""Of the text of a prompt: tables and indented code have long runs of blanks."""

FASTEST = 2_000
"""Tokens a second that no provider generates who stops when a client leaves."""

NOTICE_S = 5
"""Seconds within which such a provider has noticed."""

LARGEST_OUTPUT = 128_000
"""Tokens of the longest answer, where neither the request nor the model's window limits it further."""

LARGEST_WINDOW = 1_000_000
"""Tokens of the longest prompt, where the model's window is not known."""

MOST_USES = 10
"""Uses of server tools in one call, where the request allows more."""

RESULT = 30_000
"""Tokens that one use of a server tool adds at most. A search adds 6,000 to 14,000; it is read again in every round."""

SNAPSHOT = 3
"""Prompts that a Gemini stream reports before its last chunk shrank to less than half, in 1 of 18 recordings."""

BILLED_ALIKE = frozenset({"n", "candidateCount", "reasoning"})
"""Of `Facts.uncapped`, what does not touch the prompt."""

HELD_ELSEWHERE = frozenset(
    {
        "cachedContent",
        "conversation",
        "malformed-request",
        "previous_response_id",
        "prompt",
        "remote-content",
        "unreadable-request",
    }
)
"""Of `Facts.uncapped`, what is part of the prompt from its beginning, but not of the body."""

_FEES = {"gemini": "grounding_web_search_queries", "openai-responses": "web_search_call:search"}
_FEE = "web_search"
"""Names under which meters count searches."""


class Known(Struct, frozen=True):
    """What is known of a call besides what was read of its answer."""

    dialect: str
    model: str
    """The one asked for."""
    facts: Facts
    expected: Usage
    """As it was estimated."""
    last: Turn | None
    """The turn that it continues."""
    window: int | None
    """Of the model, in tokens."""
    habit: Habit
    elapsed_us: int
    """Since the call started."""


class Span(Struct, frozen=True):
    """Legs that cost the least, the likely and the most that the call can have cost."""

    low: tuple[Leg, ...]
    likely: tuple[Leg, ...]
    high: tuple[Leg, ...]


def span(reading: Reading, known: Known) -> Span:
    """Of an answer that did not come to its end, or said too little of its usage."""
    facts = known.facts
    asked = Leg(reading.model or known.model, context=Context(tier=facts.tier, speed=facts.speed))
    *others, leg = reading.legs or (asked,)
    prompts = _prompts(leg.usage, "provisional-usage" in reading.marks, known)
    outputs = _outputs(leg.usage.output, reading, known)
    low, likely, high = (
        (*others, replace(leg, usage=replace(prompt, output=output, reasoning=min(leg.usage.reasoning, output))))
        for prompt, output in zip(prompts, outputs, strict=True)
    )
    uses = _further_uses(facts)
    if uses:
        high = (*high[:-1], replace(high[-1], fees=_with_searches(leg.fees, known.dialect, uses)))
    return Span(low, likely, high)


def doubted(reading: Reading) -> Span | None:
    """Of a whole answer whose usage contradicts itself or leaves a choice; None where that does not change its cost."""
    marks = set(reading.marks)
    lows, highs = list(reading.legs), list(reading.legs)
    for index, leg in enumerate(reading.legs):
        low = high = leg.usage
        if "contradictory-usage" in marks:
            # More read from a cache than was sent: either figure can be the wrong one.
            low = replace(low, cache_read=0)
            high = replace(high, input=high.input + high.cache_read, cache_read=0)
        if marks & {"ttl-split-assumed", "ttl-split-unknown"}:
            written = leg.usage.cache_write_5m + leg.usage.cache_write_1h
            low = replace(low, cache_write_5m=written, cache_write_1h=0)
            high = replace(high, cache_write_5m=0, cache_write_1h=written)
        if "candidates-fell" in marks:
            high = replace(high, output=max(high.output, reading.output_bytes))
        lows[index], highs[index] = replace(leg, usage=low), replace(leg, usage=high)
    found = Span(tuple(lows), reading.legs, tuple(highs))
    return None if found.low == found.high else found


def _prompts(reported: Usage, provisional: bool, known: Known) -> tuple[Usage, Usage, Usage]:
    """The prompt at least, likely and at most; as it was reported, where it was."""
    if not reported.prompt:
        at_most = max(_largest_prompt(known), known.expected.prompt)
        return _certain(known), replace(known.expected, output=0, reasoning=0), Usage(input=at_most)
    prompt = replace(reported, output=0, reasoning=0)
    low = prompt
    grown = _grown(prompt.prompt, _further_uses(known.facts)) - prompt.prompt
    if provisional:
        low = Usage(prompt.input // SNAPSHOT, prompt.cache_read // SNAPSHOT)
        grown = max(grown, _largest_prompt(known) - prompt.prompt)
    return low, prompt, replace(prompt, input=prompt.input + max(0, grown))


def _certain(known: Known) -> Usage:
    """What the provider must have read, at the price of a cache: the turn before, else the least that text can be."""
    last, facts = known.last, known.facts
    if last is not None and (facts.prompt.continues is not None or facts.body_bytes >= last.facts.body_bytes):
        return Usage(cache_read=last.usage.prompt)
    return Usage(cache_read=facts.prompt.text_bytes // MOST_PROMPT_BYTES_PER_TOKEN)


def _largest_prompt(known: Known) -> int:
    facts, last = known.facts, known.last
    # A byte-level tokenizer never makes more tokens than bytes.
    sent = facts.body_bytes + (WORST_TOOL_PROMPT if facts.has_tools else 0)
    elsewhere = HELD_ELSEWHERE.intersection(facts.uncapped)
    if last is not None and facts.prompt.continues is not None:
        sent += last.usage.total
        elsewhere -= {"previous_response_id"}
    elif last is not None and facts.body_bytes >= last.facts.body_bytes:
        # What the turn before sent is counted already.
        sent = min(sent, last.usage.total + facts.body_bytes - last.facts.body_bytes)
    if elsewhere:
        sent = max(sent, known.window or LARGEST_WINDOW)
    return _grown(sent, _further_uses(facts))


def _further_uses(facts: Facts) -> int:
    """How often server tools can have been used."""
    if not BILLED_ALIKE.union(HELD_ELSEWHERE).issuperset(facts.uncapped):
        return MOST_USES
    return min(MOST_USES, facts.rounds - 1)


def _grown(prompt: int, uses: int) -> int:
    """A prompt that is sent again after every use of a tool, with all results so far."""
    return prompt * (uses + 1) + RESULT * uses * (uses + 1) // 2


def _outputs(reported: int, reading: Reading, known: Known) -> tuple[int, int, int]:
    """The output at least, likely and at most."""
    seen = reading.output_bytes
    if reported and reading.state == "final":
        return reported, reported, reported
    certain = 0 if "provisional-output" in reading.marks else reported
    low = max(certain, seen // MOST_BYTES_PER_TOKEN)
    likely = max(reported, -(-seen // BYTES_PER_TOKEN))
    if not reading.legs and not seen:
        likely = known.expected.output
    limit = known.facts.max_output
    if limit is None or "reasoning" in known.facts.uncapped:
        limit = min(known.window or LARGEST_OUTPUT, LARGEST_OUTPUT)
    if known.habit is Habit.STOPS:
        generated = max(reported, seen) + FASTEST * (NOTICE_S + known.elapsed_us // 1_000_000)
        limit = min(limit, generated)
    return low, likely, max(limit, likely)


def _with_searches(fees: Iterable[tuple[str, int]], dialect: str, uses: int) -> tuple[tuple[str, int], ...]:
    counted = dict(fees)
    name = _FEES.get(dialect, _FEE)
    counted[name] = counted.get(name, 0) + uses
    return tuple(sorted(counted.items()))
