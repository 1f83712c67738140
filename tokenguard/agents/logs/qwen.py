"""What Qwen Code keeps: a file of JSON lines for each session.

- A response stands there twice. A `system` line of subtype `ui_telemetry` has each call's own counts and the provider's
  id, sub-agents and hidden calls included; then, for a turn of the conversation, an `assistant` line has the same in
  `usageMetadata`, and no id. Versions without telemetry write only the latter. None of it is cumulative.
- Deduplication key: the provider's id; without one, session and `uuid`. An `assistant` line that says what a telemetry
  line has said is no response of its own. Forks copy lines under another session (`forkedFrom`), their uuids with them.
- Overlap: cached is inside the prompt, and so are cache writes, which it does not tell apart. Thoughts are inside the
  candidates where it speaks OpenAI's or Anthropic's protocol, outside with Gemini's: the total tells (`logs.google`).
- `usage/token-usage-*.jsonl` says all that once more, without ids, and is not read; `usage_record.jsonl` has sums.

Source: the writer in version 0.24, and its files.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tokenguard.agents.logs import google
from tokenguard.agents.logs.identity import entry, lasting
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, UNKNOWN, File, Found, Lines, Odd, Places, Sighting, Source
from tokenguard.agents.logs.values import instant, provider_of
from tokenguard.agents.side import identifier
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "qwen"

_RESPONSE = "api_response"
_REMEMBERED = 64
"""How many responses that may stand in the file once more are remembered; their lines follow at once."""


class _Counts(Struct):
    promptTokenCount: Count | None = None
    candidatesTokenCount: Count | None = None
    cachedContentTokenCount: Count | None = None
    thoughtsTokenCount: Count | None = None
    toolUsePromptTokenCount: Count | None = None
    totalTokenCount: Count | None = None


class _Event(Struct):
    name: str | None = msgspec.field(default=None, name="event.name")
    timestamp: str | None = msgspec.field(default=None, name="event.timestamp")
    response_id: str | None = None
    model: str | None = None
    input_token_count: Count | None = None
    output_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_token_count: Count | None = None
    total_token_count: Count | None = None
    subagent_id: str | None = None
    subagent_type: str | None = None
    subagent_name: str | None = None


class _Payload(Struct):
    uiEvent: _Event | None = None


class _Origin(Struct):
    sessionId: str | None = None


class _Line(Struct):
    type: str | None = None
    uuid: str | None = None
    sessionId: str | None = None
    timestamp: str | None = None
    cwd: str | None = None
    gitBranch: str | None = None
    model: str | None = None
    usageMetadata: _Counts | None = None
    systemPayload: _Payload | None = None
    forkedFrom: _Origin | None = None


class _Seen(Struct, frozen=True):
    """A response that has been seen on one of its two lines."""

    key: str
    told: bool
    """Whether on that of its telemetry, which names the model that answered; the other names that of the settings."""
    prompt: int
    output: int


_LINE = Reader(_Line)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    home = places.home / (places.env.get("QWEN_HOME") or ".qwen")
    runtime = places.env.get("QWEN_RUNTIME_DIR")
    roots = dict.fromkeys((home, places.home / runtime) if runtime else (home,))
    markers = (b'"usageMetadata"', _RESPONSE.encode())
    return tuple(Lines(root, ("projects/*/chats/**/*.jsonl",), markers, _Follower) for root in roots)


class _Follower:
    """See `Follower`. It remembers which responses may be told of once more."""

    label = ""

    def __init__(self, file: File, state: bytes, odd: Odd) -> None:
        self._odd = odd
        self._stem = file.path.rpartition("/")[2].removesuffix(".jsonl")
        self._seen: list[_Seen] = msgspec.json.decode(state, type=list[_Seen]) if state else []

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        found, whole = _LINE.read(line)
        if found is None:
            self._odd(DROPPED, "not-json")
            return ()
        event = found.systemPayload.uiEvent if found.systemPayload else None
        told = event is not None and (event.name or "").endswith(_RESPONSE)
        counts = _counts(event) if event and told else found.usageMetadata
        if counts is None:
            return ()
        if not told and found.type != "assistant":
            self._odd(UNKNOWN, identifier(found.type) or "none")
            return ()
        if not whole:
            self._odd(DOUBTFUL, "malformed")
        return self._responses(found, counts, event if told else None)

    def save(self) -> bytes:
        """See `Follower.save`."""
        return msgspec.json.encode(self._seen) if self._seen else b""

    def _responses(self, line: _Line, counts: _Counts, event: _Event | None) -> Found:
        usage = _usage(counts)
        if not usage.total:
            return ()
        origin = line.forkedFrom.sessionId if line.forkedFrom else None
        session = line.sessionId or self._stem
        name = lasting(event.response_id) if event else None
        at_us = instant(event.timestamp if event else None) or instant(line.timestamp)
        if not name and not line.uuid:
            self._odd(DROPPED, "no-id")
            return ()
        model = (event.model if event else line.model) or ""
        subagent = event.subagent_id or event.subagent_name if event else None
        key = name or entry(origin or session, line.uuid or "")
        if subagent is None:
            known = self._known(_Seen(key, event is not None, usage.prompt, usage.output))
            if known is None:
                return ()
            key = known
        return (
            Sighting(
                key=key,
                agent=NAME,
                session=session,
                at_us=at_us,
                provider=provider_of(model),
                model=model,
                usage=usage,
                response_id=name,
                subagent=subagent,
                subagent_type=event.subagent_type or event.subagent_name if event else None,
                sidechain=subagent is not None,
                copied=origin is not None,
                folder=line.cwd,
                branch=line.gitBranch,
            ),
        )

    def _known(self, new: _Seen) -> str | None:
        """The key of a response; None where all that its line says has been said."""
        for index, seen in enumerate(self._seen):
            if (seen.prompt, seen.output) == (new.prompt, new.output) and seen.told != new.told:
                del self._seen[index]
                return seen.key if new.told else None
        self._seen = [*self._seen[1 - _REMEMBERED :], new]
        return new.key


def _counts(event: _Event) -> _Counts:
    return _Counts(
        event.input_token_count,
        event.output_token_count,
        event.cached_content_token_count,
        event.thoughts_token_count,
        event.tool_token_count,
        event.total_token_count,
    )


def _usage(counts: _Counts) -> Usage:
    return google.usage(
        counts.promptTokenCount or 0,
        counts.candidatesTokenCount or 0,
        counts.cachedContentTokenCount or 0,
        counts.thoughtsTokenCount or 0,
        counts.toolUsePromptTokenCount or 0,
        counts.totalTokenCount or 0,
    )
