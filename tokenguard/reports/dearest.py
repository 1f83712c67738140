"""The calls that cost most, and why: what of each moved its price, and what came before it.

Which part of a call weighs most is told by the usual ratios of prices: a token read from a cache costs a tenth of one
that is sent, one written to it five quarters (for an hour: twice as much), one of the answer five times as much.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from msgspec import Struct, to_builtins

from tokenguard.ledger.dearest import Dear, dearest
from tokenguard.ledger.values import Where
from tokenguard.policy.money import tokens
from tokenguard.records import Confidence
from tokenguard.reports.instants import instant_at

_WEIGHTS = {"input": 1, "cache_read": 0.1, "cache_write_5m": 1.25, "cache_write_1h": 2, "output": 5}
_MUCH = 0.4
"""From which part of a call's price on something is a reason for it."""
_CACHE_LIFE_US = 5 * 60_000_000
_PLAIN_TIERS = (None, "default", "standard", "auto")


class Why(Struct, frozen=True):
    """A reason for what a call cost."""

    reason: str
    """`cache-expired`, `cache-missed`, `first-call`, `new-input`, `output`, `reasoning`, `context`, `fees`, `fast`,
    `tier`, `several-models` or `not-seen`."""
    text: str
    """The same for people, with the numbers."""


def dearest_calls(
    conn: sqlite3.Connection, where: Where, since_us: int | None, until_us: int | None, tz: tzinfo, limit: int
) -> dict[str, Any]:
    """The calls of the span that were dearest at list price, the dearest first, each with why."""
    return {
        "since": None if since_us is None else instant_at(since_us, tz),
        "until": None if until_us is None else instant_at(until_us, tz),
        "calls": [_told(one, tz) for one in dearest(conn, where, since_us, until_us, limit)],
    }


def why(one: Dear) -> list[Why]:
    """Why a call cost what it did: what weighs most first."""
    return [*_of_tokens(one), *_of_terms(one)]


def _told(one: Dear, tz: tzinfo) -> dict[str, Any]:
    call = one.call
    return {
        "id": call.id,
        "started_at": instant_at(call.started_us, tz),
        "session": call.session,
        "agent": call.agent,
        "provider": call.provider,
        "model": call.model,
        "repo": call.repo,
        "branch": call.branch,
        "task": call.task,
        "request_class": call.request_class,
        "billing": call.billing,
        "origin": call.origin,
        "outcome": one.outcome,
        "turn": one.turn,
        "usage": to_builtins(one.usage),
        "list_nanos": one.cost_nanos,
        "confidence": one.confidence.value,
        "why": [to_builtins(reason) for reason in why(one)],
    }


def _of_tokens(one: Dear) -> Iterator[Why]:
    usage = one.usage
    weights = {name: getattr(usage, name) * weight for name, weight in _WEIGHTS.items()}
    whole = sum(weights.values())
    if not whole:
        return
    sent = usage.input + usage.cache_write_5m + usage.cache_write_1h
    parts = {
        "sent": weights["input"] + weights["cache_write_5m"] + weights["cache_write_1h"],
        "output": weights["output"],
        "context": weights["cache_read"],
    }
    for part, weight in sorted(parts.items(), key=lambda item: -item[1]):
        if weight < _MUCH * whole:
            continue
        if part == "sent":
            yield _sent(one, sent)
        elif part == "context":
            yield Why("context", f"a context of {tokens(usage.prompt)} tokens at turn {one.turn}, though it was cached")
        elif usage.reasoning * 2 > usage.output:
            yield Why("reasoning", f"{tokens(usage.reasoning)} tokens of reasoning in {tokens(usage.output)} of answer")
        else:
            yield Why("output", f"{tokens(usage.output)} tokens of answer")


def _sent(one: Dear, sent: int) -> Why:
    """Why so much was sent that no cache had."""
    usage, count = one.usage, tokens(sent)
    if one.before_us is None:
        return Why("first-call", f"the first call of its conversation, with {count} tokens")
    # It sent again what the call before it had sent.
    again = one.before_prompt * 2 > usage.prompt and usage.cache_read * 2 < one.before_prompt
    pause_us = one.call.started_us - one.before_us
    if again and pause_us >= _CACHE_LIFE_US:
        return Why(
            "cache-expired", f"{count} tokens sent anew: the cache expired, {_span(pause_us)} after the call before"
        )
    if again:
        return Why("cache-missed", f"{count} tokens sent anew: the cache did not have them, though it was in time")
    return Why("new-input", f"{count} tokens that are new")


def _of_terms(one: Dear) -> Iterator[Why]:
    """What it was besides its tokens."""
    fees: dict[str, int] = {}
    for leg in one.legs:
        for name, count in leg.fees:
            fees[name] = fees.get(name, 0) + count
    for name, count in sorted(fees.items()):
        yield Why("fees", f"{count:,} x {name.replace('_', ' ')}")
    if any(leg.context.speed not in (None, "standard") for leg in one.legs):
        yield Why("fast", "fast mode")
    for tier in sorted({leg.context.tier or "" for leg in one.legs} - {tier or "" for tier in _PLAIN_TIERS}):
        yield Why("tier", f"service tier {tier}")
    models = sorted({leg.model for leg in one.legs if leg.billed})
    if len(models) > 1:
        yield Why("several-models", f"{len(models)} models: {', '.join(models)}")
    if one.confidence is not Confidence.EXACT and one.outcome not in (None, "ok", "logged"):
        yield Why("not-seen", f"its bill was not seen ({one.outcome}): what it costs at most, or likely")


def _span(us: int) -> str:
    minutes = us // 60_000_000
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"
