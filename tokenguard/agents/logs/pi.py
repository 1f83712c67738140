"""What pi keeps: a file of JSON lines for each session, a tree of entries that only grows.

- A response is an entry with a `message` of role `assistant` and its `usage`, which is its own and never cumulative.
  Newer versions have the usage of what made a summary in its entry, and that of models that a tool asked in its result.
- Deduplication key: the message's `responseId`, else its time, model and tokens: forks copy whole histories into a
  new file, and an old version's file is written anew with other ids of entries. Ids that a local server counts up
  (`chatcmpl-7`) come again, and need their time beside them. A summary's `retainedTail` repeats messages.
- Overlap: none but `cacheWrite1h`, inside `cacheWrite`, and `reasoning`, inside `output`. `input` leaves caches out.
- `cost.total` is pi's own, at the list price of its model table: zero means that it knows none, or that the
  model runs locally (Ollama, LM Studio, llama.cpp).
- It has no sub-agents, and older versions say nothing of what made a summary.

Source: the writer in version 0.73, and the documentation of the format and types of 2026.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tokenguard.agents.logs.costs import stated
from tokenguard.agents.logs.identity import lasting
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, UNKNOWN, File, Found, Lines, Odd, Places, Sighting, Source
from tokenguard.agents.logs.values import instant, provider_named
from tokenguard.agents.side import identifier
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "pi"

_CLASSES = {"assistant": None, "toolResult": "sub-agent", "compaction": "compaction", "branch_summary": "compaction"}
"""Roles of messages, and types of other entries, that have usage -> the class of the request."""


class _Cost(Struct):
    total: float | None = None


class _Usage(Struct):
    input: Count | None = None
    output: Count | None = None
    cacheRead: Count | None = None
    cacheWrite: Count | None = None
    cacheWrite1h: Count | None = None
    reasoning: Count | None = None
    totalTokens: Count | None = None
    cost: _Cost | None = None


class _Message(Struct):
    role: str | None = None
    provider: str | None = None
    model: str | None = None
    responseModel: str | None = None
    responseId: str | None = None
    timestamp: float | str | None = None
    usage: _Usage | None = None


class _Entry(Struct):
    """A line: the head of a file, which has the session's own id, or something that happened in it."""

    type: str | None = None
    id: str | None = None
    timestamp: float | str | None = None
    cwd: str | None = None
    parentSession: str | None = None
    message: _Message | None = None
    usage: _Usage | None = None


class _Session(Struct):
    """What the head says; a follower's state."""

    id: str
    folder: str | None = None
    forked_us: int = 0
    """When it began as a copy of another one; 0 if it did not."""
    provider: str | None = None
    """Whose model answered last, and `model` which one."""
    model: str | None = None


_ENTRY = Reader(_Entry)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    home = places.home / ".pi" / "agent"
    if folder := places.env.get("PI_CODING_AGENT_DIR"):
        home = places.home / folder.removeprefix("~/")
    roots = [home / "sessions"]
    if folder := places.env.get("PI_CODING_AGENT_SESSION_DIR"):
        roots.append(places.home / folder.removeprefix("~/"))
    return tuple(Lines(root, ("**/*.jsonl",), (b'"usage"', b'"cwd"'), _Follower) for root in roots)


class _Follower:
    """See `Follower`. The first line is the head."""

    label = ""

    def __init__(self, file: File, state: bytes, odd: Odd) -> None:
        self._odd = odd
        name = file.path.rpartition("/")[2].removesuffix(".jsonl")
        self._session = msgspec.json.decode(state, type=_Session) if state else _Session(name.rpartition("_")[2])

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        entry, whole = _ENTRY.read(line)
        if entry is None:
            self._odd(DROPPED, "not-json")
            return ()
        if entry.type == "session":
            forked_us = instant(entry.timestamp) if entry.parentSession else 0
            self._session = _Session(entry.id or self._session.id, entry.cwd, forked_us)
            return ()
        message = entry.message or _Message()
        counts = message.usage or entry.usage
        if counts is None:
            return ()
        kind = (message.role if entry.type in (None, "message") else entry.type) or "none"
        if kind not in _CLASSES:
            self._odd(UNKNOWN, identifier(kind) or "none")
            return ()
        if not whole:
            self._odd(DOUBTFUL, "malformed")
        if kind == "assistant":
            self._session.provider, self._session.model = message.provider, message.responseModel or message.model
        return self._response(entry, message, counts, _CLASSES[kind])

    def save(self) -> bytes:
        """See `Follower.save`."""
        return msgspec.json.encode(self._session)

    def _response(self, entry: _Entry, message: _Message, counts: _Usage, request_class: str | None) -> Found:
        usage = _usage(counts)
        if not usage.total:
            return ()
        at_us = instant(message.timestamp) or instant(entry.timestamp)
        session, model = self._session, self._session.model or ""
        name = lasting(message.responseId)
        return (
            Sighting(
                key=name or f"{at_us}/{model}/{usage.prompt}/{usage.output}/{message.responseId or ''}",
                agent=NAME,
                session=session.id,
                at_us=at_us,
                provider=provider_named(session.provider, model),
                model=model,
                usage=usage,
                response_id=name,
                copied=at_us < session.forked_us,
                folder=session.folder,
                request_class=request_class,
                stated_nanos=stated(session.provider, counts.cost.total if counts.cost else None),
            ),
        )


def _usage(counts: _Usage) -> Usage:
    output, written = counts.output or 0, counts.cacheWrite or 0
    long = min(counts.cacheWrite1h or 0, written)
    thought = min(counts.reasoning or 0, output)
    parts = Usage(counts.input or 0, counts.cacheRead or 0, written - long, long, output, thought)
    # What only the total has is what Gemini's tools added to the prompt.
    return parts + Usage(input=max(0, (counts.totalTokens or 0) - parts.total))
