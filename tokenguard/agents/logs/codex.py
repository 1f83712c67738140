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

from tokenguard.agents.logs.codex_line import LINE, Counts, Info, Line, Payload, difference, in_order, usage_of
from tokenguard.agents.logs.codex_thread import Replay, State
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, UNKNOWN, File, Found, Lines, Odd, Places, Sighting, Source
from tokenguard.agents.logs.values import begun_anew, instant, provider_named
from tokenguard.agents.side import identifier
from tokenguard.records import Context

NAME = "codex"

_MARKERS = (b'"token_count"', b'"token_usage_record"', b'"session_meta"', b'"turn_context"')
_KNOWN = frozenset({"response_item", "compacted", "event_msg", "turn_context", "session_meta", "token_usage_record"})


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
        self._state = msgspec.json.decode(state, type=State) if state else State()
        self._replay = Replay(self._state, file.labelled)

    @property
    def label(self) -> str:
        """See `Follower.label`."""
        return self._state.thread

    def save(self) -> bytes:
        """See `Follower.save`."""
        return msgspec.json.encode(self._state)

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        found, whole = LINE.read(line)
        if found is None:
            self._odd(DROPPED, "not-json")
            found, whole = LINE.read(begun_anew(line))
        if found is None or found.payload is None:
            return ()
        payload, state = found.payload, self._state
        match found.type:
            case "session_meta" if not state.thread:
                state.begin(payload, instant(payload.timestamp) or instant(found.timestamp), self._file.labelled)
            case "turn_context":
                state.begin_turn(payload)
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

    def _record(self, line: Line, record: Payload, usage: Counts, offset: int, whole: bool) -> Found:
        state, id = self._state, record.response_id
        replayed = self._replay.has(line, id or "")
        if id:
            state.seen.append(id)
        else:
            self._odd(DOUBTFUL, "no-id")
        state.recorded = True
        if replayed:
            return ()
        counts = in_order(usage)
        event = next((one for one in state.events if one[1][:4] == counts[:4]), None)
        if event is not None:
            state.events.remove(event)
        key = event[0] if event else f"{self._thread()}:{id or offset}"
        return self._sighting(line, key, usage, whole, response_id=id, tier=record.service_tier)

    def _event(self, line: Line, info: Info, offset: int, whole: bool) -> Found:
        state = self._state
        total = in_order(info.total_token_usage) if info.total_token_usage else ()
        if total and total == state.total:
            return ()
        before, state.total = state.total, total or state.total
        fell = bool(total and before) and any(now < then for now, then in zip(total, before, strict=True))
        state.restarts += fell
        name = ",".join(map(str, total)) if total else f"@{offset}"
        key = f"{self._thread()}:{state.restarts}:{name}"
        replayed = self._replay.has(line, name)
        state.seen.append(name)
        if replayed or state.recorded:
            return ()
        counts = info.last_token_usage
        if counts is None:
            if info.total_token_usage is None:
                self._odd(DROPPED, "no-usage")
                return ()
            counts = info.total_token_usage if fell or not before else difference(total, before)
        state.events.append((key, in_order(counts)))
        return self._sighting(line, key, counts, whole)

    def _thread(self) -> str:
        return self._state.thread or self._file.path.rpartition("/")[2].partition(".")[0]

    def _sighting(
        self,
        line: Line,
        key: str,
        counts: Counts,
        whole: bool,
        response_id: str | None = None,
        tier: str | None = None,
    ) -> Found:
        state = self._state
        usage = usage_of(counts)
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
