"""What pi keeps: a file of JSON lines for each session, a tree of entries that only grows.

- A response is an entry with a `message` of role `assistant` and its `usage`, which is its own and never cumulative.
- Deduplication key: the message's `responseId`, else its time, model and tokens: forks copy whole histories into a
  new file, and an old version's file is written anew with other ids of entries. Ids that a local server counts up
  (`chatcmpl-7`) come again, and need their time beside them.
- Overlap: none. `input` leaves both caches out, reasoning is inside `output` and not told apart.
- `cost.total` is pi's own, at the list price of its model table: zero means that it knows none.
- Compactions and summaries of branches are calls too, and in no file. It has no sub-agents.

Source: the writer in version 0.73, and its documentation of the format.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tokenguard.agents.logs.identity import lasting
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, File, Found, Lines, Odd, Places, Sighting, Source
from tokenguard.agents.logs.values import instant, nanos, provider_named
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "pi"

class _Cost(Struct):
    total: float | None = None


class _Usage(Struct):
    input: Count | None = None
    output: Count | None = None
    cacheRead: Count | None = None
    cacheWrite: Count | None = None
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
    timestamp: str | None = None
    cwd: str | None = None
    parentSession: str | None = None
    message: _Message | None = None


class _Session(Struct):
    """What the head says; a follower's state."""

    id: str
    folder: str | None = None
    forked_us: int = 0
    """When it began as a copy of another one; 0 if it did not."""


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
        message = entry.message
        if entry.type not in (None, "message") or message is None or message.role != "assistant":
            return ()
        if not whole:
            self._odd(DOUBTFUL, "malformed")
        return self._responses(entry, message, message.usage or _Usage())

    def save(self) -> bytes:
        """See `Follower.save`."""
        return msgspec.json.encode(self._session)

    def _responses(self, entry: _Entry, message: _Message, counts: _Usage) -> Found:
        usage = _usage(counts)
        if not usage.total:
            return ()
        at_us = instant(message.timestamp) or instant(entry.timestamp)
        if not at_us:
            self._odd(DOUBTFUL, "no-time")
        model = message.responseModel or message.model or ""
        name = lasting(message.responseId)
        key = name or f"{at_us}/{model}/{usage.prompt}/{usage.output}/{message.responseId or ''}"
        return (
            Sighting(
                key=key,
                agent=NAME,
                session=self._session.id,
                at_us=at_us,
                provider=provider_named(message.provider, model),
                model=model,
                usage=usage,
                response_id=name,
                copied=at_us < self._session.forked_us,
                folder=self._session.folder,
                stated_nanos=nanos(counts.cost.total) or None if counts.cost else None,
            ),
        )


def _usage(counts: _Usage) -> Usage:
    parts = Usage(
        input=counts.input or 0,
        cache_read=counts.cacheRead or 0,
        cache_write_5m=counts.cacheWrite or 0,
        output=counts.output or 0,
    )
    # What only the total has is what Gemini's tools added to the prompt.
    return parts + Usage(input=max(0, (counts.totalTokens or 0) - parts.total))
