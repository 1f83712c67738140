"""A line of a rollout of Codex, and what its counts come to."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader


class _Inside(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class Counts(Struct):
    """As Codex counts, or as the API does."""

    input_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    cache_write_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    output_tokens: Count | None = None
    reasoning_output_tokens: Count | None = None
    total_tokens: Count | None = None
    input_tokens_details: _Inside | None = None
    output_tokens_details: _Inside | None = None


class Info(Struct):
    """Of a `token_count` event."""

    total_token_usage: Counts | None = None
    last_token_usage: Counts | None = None


class _Git(Struct):
    branch: str | None = None


class Spawn(Struct):
    """By whom a sub-agent was started, and as what."""

    parent_thread_id: str | None = None
    agent_role: str | None = None


class SubAgent(Struct):
    """Of the `session_meta` of a sub-agent."""

    thread_spawn: Spawn | None = None


class Origin(Struct):
    """Where a thread comes from."""

    subagent: str | SubAgent | None = None


class Payload(Struct):
    """What one of the known types of lines says."""

    type: str | None = None
    id: str | None = None
    timestamp: str | None = None
    cwd: str | None = None
    git: _Git | None = None
    model: str | None = None
    model_provider: str | None = None
    forked_from_id: str | None = None
    source: str | Origin | None = None
    turn_id: str | None = None
    info: Info | None = None
    response_id: str | None = None
    usage: Counts | None = None
    service_tier: str | None = None


class Line(Struct):
    """A line of a rollout."""

    type: str | None = None
    timestamp: str | None = None
    payload: Payload | None = None


LINE = Reader(Line)

Total = tuple[int, ...]
"""The counts of `in_order`."""


def in_order(counts: Counts) -> Total:
    """All counts in an order, as Codex keeps them."""
    cached, written, reasoning = _insides(counts)
    return (counts.input_tokens or 0, cached, written, counts.output_tokens or 0, reasoning, counts.total_tokens or 0)


def difference(total: Total, before: Total) -> Counts:
    """What came between two of them."""
    parts = [now - then for now, then in zip(total, before, strict=True)]
    return Counts(parts[0], parts[1], parts[2], None, parts[3], parts[4], parts[5])


def _insides(counts: Counts) -> tuple[int, int, int]:
    of_input = counts.input_tokens_details or _Inside()
    of_output = counts.output_tokens_details or _Inside()
    written = (counts.cache_write_input_tokens, counts.cache_creation_input_tokens, of_input.cache_write_tokens)
    return (
        counts.cached_input_tokens or of_input.cached_tokens or 0,
        next((part for part in written if part), 0),
        counts.reasoning_output_tokens or of_output.reasoning_tokens or 0,
    )


def usage_of(counts: Counts) -> Usage:
    """In buckets of which none holds another."""
    cached, written, reasoning = _insides(counts)
    prompt, output = counts.input_tokens or 0, counts.output_tokens or 0
    cached = min(cached, prompt)
    written = min(written, prompt - cached)
    return Usage(prompt - cached - written, cached, written, 0, output, min(reasoning, output))
