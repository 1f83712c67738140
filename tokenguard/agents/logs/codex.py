"""What Codex keeps: a rollout for each thread, of JSON lines, compressed some day.

- Since 0.151 there is a `token_usage_record` for each response, whose `usage` is that response alone. Key: thread and
  `response_id`.
- Before that, `token_count` events: `total_token_usage` is cumulative over the thread, `last_token_usage` is the last
  response's. The event is repeated with the same total, which is nothing new; `info: null` tells of rate limits only.
  Without a last one the difference of the totals counts; where one part of it fell, the counter began anew, and it
  counts at face value. Key: thread and total.
- A thread can be continued by another version: in a turn that has records, events are not counted, and a record takes
  the place of the event with the same counts before it.
- The thread is the id of the first `session_meta`, whatever the file is called: forks and sub-agents replay what their
  parent did, its `session_meta` too, and with new times. What they replay is the beginning of the file as far as its
  totals or response ids occur in the parent; if the parent is not there, what is dated within 5 s of the beginning.
- Overlap: cached and cache-written tokens are inside `input_tokens`, reasoning is inside `output_tokens`.
- The model is that of the last `turn_context`.

Source: the files of versions 0.20 to 0.151, measured.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, UNKNOWN, File, Found, Lines, Odd, Places, Sighting, Source
from tokenguard.agents.logs.values import begun_anew, instant, provider_named
from tokenguard.agents.side import identifier
from tokenguard.records import Context, Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "codex"

_MARKERS = (b'"token_count"', b'"token_usage_record"', b'"session_meta"', b'"turn_context"')
_KNOWN = frozenset({"response_item", "compacted", "event_msg", "turn_context", "session_meta", "token_usage_record"})
_REPLAYED_US = 5_000_000


class _Inside(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class _Counts(Struct):
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


class _Info(Struct):
    total_token_usage: _Counts | None = None
    last_token_usage: _Counts | None = None


class _Git(Struct):
    branch: str | None = None


class _Spawn(Struct):
    parent_thread_id: str | None = None
    agent_role: str | None = None


class _SubAgent(Struct):
    thread_spawn: _Spawn | None = None


class _Source(Struct):
    subagent: str | _SubAgent | None = None


class _Payload(Struct):
    type: str | None = None
    id: str | None = None
    timestamp: str | None = None
    cwd: str | None = None
    git: _Git | None = None
    model: str | None = None
    model_provider: str | None = None
    forked_from_id: str | None = None
    source: str | _Source | None = None
    turn_id: str | None = None
    info: _Info | None = None
    response_id: str | None = None
    usage: _Counts | None = None
    service_tier: str | None = None


class _Line(Struct):
    type: str | None = None
    timestamp: str | None = None
    payload: _Payload | None = None


_LINE = Reader(_Line)

_Total = tuple[int, ...]


class _State(Struct):
    """What is known of a thread so far."""

    thread: str = ""
    session: str = ""
    """The thread in which it all began."""
    parent: str | None = None
    kind: str | None = None
    """Of a sub-agent."""
    created_us: int = 0
    replaying: bool = False
    provider: str | None = None
    model: str = ""
    turn: str | None = None
    folder: str | None = None
    branch: str | None = None
    total: _Total = ()
    restarts: int = 0
    recorded: bool = False
    """Whether the turn has records."""
    events: list[tuple[str, _Total]] = []
    """(key, counts) of the turn's events for which no record has come."""
    seen: list[str] = []
    """Every total and every id of a response, for the forks of this thread."""


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`. Names begin with a time, so that a fork comes after what it was forked from."""
    root = places.home / (places.env.get("CODEX_HOME") or ".codex")
    folders = ("sessions/**/", "archived_sessions/**/")
    patterns = tuple(f"{folder}rollout-*.jsonl{packed}" for folder in folders for packed in ("", ".zst"))
    return (Lines(root, patterns, _MARKERS, _Rollout, by_name=True),)


class _Rollout:
    """See `Follower`."""

    def __init__(self, file: File, state: bytes, odd: Odd) -> None:
        self._file = file
        self._odd = odd
        self._state = msgspec.json.decode(state, type=_State) if state else _State()
        self._before: frozenset[str] | None = None

    @property
    def label(self) -> str:
        """See `Follower.label`."""
        return self._state.thread

    def save(self) -> bytes:
        """See `Follower.save`."""
        return msgspec.json.encode(self._state)

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        found, whole = _LINE.read(line)
        if found is None:
            self._odd(DROPPED, "not-json")
            found, whole = _LINE.read(begun_anew(line))
        if found is None or found.payload is None:
            return ()
        payload, state = found.payload, self._state
        match found.type:
            case "session_meta" if not state.thread:
                self._begin(payload, instant(payload.timestamp) or instant(found.timestamp))
            case "turn_context":
                self._turn(payload)
            case "token_usage_record" if payload.usage is not None:
                return self._record(found, payload, payload.usage, offset, whole)
            case "token_usage_record":
                self._odd(DROPPED, "no-usage")
            case "event_msg" if payload.type == "token_count" and payload.info is not None:
                return self._event(found, payload.info, offset, whole)
            case "event_msg" if payload.type == "token_count" and not whole:
                self._odd(DROPPED, "malformed")
            case _:
                if found.type not in _KNOWN:
                    self._odd(UNKNOWN, identifier(found.type) or "none")
        return ()

    def _begin(self, meta: _Payload, created_us: int) -> None:
        state = self._state
        state.thread = state.session = identifier(meta.id) or ""
        state.created_us, state.provider, state.folder = created_us, meta.model_provider, meta.cwd
        state.branch = meta.git.branch if meta.git else None
        spawner, state.kind = _spawned(meta.source)
        state.parent = identifier(spawner or meta.forked_from_id)
        state.replaying = state.parent is not None
        if spawner:
            above = self._file.labelled(spawner)
            state.session = (msgspec.json.decode(above, type=_State).session if above else "") or spawner

    def _turn(self, context: _Payload) -> None:
        state = self._state
        state.model = context.model or ""
        state.folder = context.cwd or state.folder
        if context.turn_id is None or context.turn_id != state.turn:
            state.turn, state.recorded, state.events = context.turn_id, False, []

    def _record(self, line: _Line, record: _Payload, usage: _Counts, offset: int, whole: bool) -> Found:
        state, id = self._state, record.response_id
        replayed = self._is_replay(line, id or "")
        if id:
            state.seen.append(id)
        else:
            self._odd(DOUBTFUL, "no-id")
        state.recorded = True
        if replayed:
            return ()
        counts = _tuple(usage)
        event = next((one for one in state.events if one[1][:4] == counts[:4]), None)
        if event is not None:
            state.events.remove(event)
        key = event[0] if event else f"{self._thread()}:{id or offset}"
        return self._sighting(line, key, usage, whole, response_id=id, tier=record.service_tier)

    def _event(self, line: _Line, info: _Info, offset: int, whole: bool) -> Found:
        state = self._state
        total = _tuple(info.total_token_usage) if info.total_token_usage else ()
        if total and total == state.total:
            return ()
        before, state.total = state.total, total or state.total
        fell = bool(total and before) and any(now < then for now, then in zip(total, before, strict=True))
        state.restarts += fell
        name = ",".join(map(str, total)) if total else f"@{offset}"
        key = f"{self._thread()}:{state.restarts}:{name}"
        replayed = self._is_replay(line, name)
        state.seen.append(name)
        if replayed or state.recorded:
            return ()
        counts = info.last_token_usage
        if counts is None:
            if info.total_token_usage is None:
                self._odd(DROPPED, "no-usage")
                return ()
            counts = info.total_token_usage if fell or not before else _difference(total, before)
        state.events.append((key, _tuple(counts)))
        return self._sighting(line, key, counts, whole)

    def _is_replay(self, line: _Line, name: str) -> bool:
        """Whether this is still what the parent did."""
        state = self._state
        if not state.replaying:
            return False
        if self._before is None:
            above = self._file.labelled(state.parent or "")
            self._before = frozenset(msgspec.json.decode(above, type=_State).seen) if above else frozenset()
        if self._before:
            state.replaying = name in self._before
        else:
            state.replaying = instant(line.timestamp) <= state.created_us + _REPLAYED_US
        return state.replaying

    def _thread(self) -> str:
        return self._state.thread or self._file.path.rpartition("/")[2].partition(".")[0]

    def _sighting(
        self,
        line: _Line,
        key: str,
        counts: _Counts,
        whole: bool,
        response_id: str | None = None,
        tier: str | None = None,
    ) -> Found:
        state = self._state
        usage = _usage(counts)
        if not whole:
            self._odd(DOUBTFUL, "malformed")
        if not usage.total:
            self._odd(DROPPED, "no-tokens")
            return ()
        sub_agent = state.kind is not None
        sighting = Sighting(
            key=key,
            agent=NAME,
            session=state.session or self._thread(),
            at_us=instant(line.timestamp),
            provider=provider_named(state.provider) or "openai",
            model=state.model,
            usage=usage,
            response_id=response_id,
            parent=None if sub_agent else state.parent,
            subagent=state.thread if sub_agent else None,
            subagent_type=state.kind or None,
            sidechain=sub_agent,
            folder=state.folder,
            branch=state.branch,
            request_class="compaction" if state.kind == "compact" else None,
            context=Context(tier=tier),
        )
        return (sighting,)


def _spawned(source: str | _Source | None) -> tuple[str | None, str | None]:
    """(the thread that spawned this one, the kind of sub-agent that it is); None for what is not known."""
    if not isinstance(source, _Source) or source.subagent is None:
        return None, None
    if isinstance(source.subagent, str):
        return None, identifier(source.subagent) or ""
    spawn = source.subagent.thread_spawn or _Spawn()
    return identifier(spawn.parent_thread_id), identifier(spawn.agent_role) or ""


def _tuple(counts: _Counts) -> _Total:
    """All counts in an order, as Codex keeps them."""
    cached, written, reasoning = _insides(counts)
    return (counts.input_tokens or 0, cached, written, counts.output_tokens or 0, reasoning, counts.total_tokens or 0)


def _difference(total: _Total, before: _Total) -> _Counts:
    parts = [now - then for now, then in zip(total, before, strict=True)]
    return _Counts(parts[0], parts[1], parts[2], None, parts[3], parts[4], parts[5])


def _insides(counts: _Counts) -> tuple[int, int, int]:
    of_input = counts.input_tokens_details or _Inside()
    of_output = counts.output_tokens_details or _Inside()
    written = (counts.cache_write_input_tokens, counts.cache_creation_input_tokens, of_input.cache_write_tokens)
    return (
        counts.cached_input_tokens or of_input.cached_tokens or 0,
        next((part for part in written if part), 0),
        counts.reasoning_output_tokens or of_output.reasoning_tokens or 0,
    )


def _usage(counts: _Counts) -> Usage:
    cached, written, reasoning = _insides(counts)
    prompt, output = counts.input_tokens or 0, counts.output_tokens or 0
    cached = min(cached, prompt)
    written = min(written, prompt - cached)
    return Usage(prompt - cached - written, cached, written, 0, output, min(reasoning, output))
