"""What Kimi Code keeps: a file of JSON lines for each agent of a session, its sub-agents included.

- A response is a `usage.record`; its counts are its own and never cumulative. `step.end` repeats them, and is what has
  the provider's id of the response: it stands before the record in version 1, after it in version 2.
- Deduplication key: session, agent and place among the file's records, for a record has no id. A fork copies the files
  of its session: what is older than the fork has the key that it has in the session that was forked, and so on.
- Overlap: none; `inputOther` leaves the cache out.
- A record names the model by the name that the settings have for it; the `llm.request` before it has both names, and
  says whether the conversation was made shorter.
- A sub-agent's records are in its own file only.

Source: `agent/usage`, `agent/turn`, `agent/records/types.ts`, `session/store/session-store.ts` of agent-core and
agent-core-v2, August 2026.
"""

from __future__ import annotations

from functools import cached_property

import msgspec
from msgspec import Struct

from tokenguard.agents.kimi_settings import SERVICES
from tokenguard.agents.logs.identity import lasting
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, File, Found, Lines, Odd, Places, Sighting, Source
from tokenguard.agents.logs.values import instant, provider_named
from tokenguard.agents.side import identifier
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "kimi-code"

_MAIN = "main"
_MARKERS = (b'"usage.record"', b'"llm.request"', b'"step.end"')
_MOST_FORKS = 16


class _Tokens(Struct, frozen=True):
    inputOther: Count | None = None
    inputCacheRead: Count | None = None
    inputCacheCreation: Count | None = None
    output: Count | None = None


class _Event(Struct):
    type: str | None = None
    usage: _Tokens | None = None
    messageId: str | None = None


class _Record(Struct):
    type: str | None = None
    time: float | str | None = None
    kind: str | None = None
    provider: str | None = None
    model: str | None = None
    modelAlias: str | None = None
    usage: _Tokens | None = None
    usageScope: str | None = None
    event: _Event | None = None


class _State(Struct):
    createdAt: float | str | None = None
    workDir: str | None = None
    forkedFrom: str | None = None


class _Progress(Struct):
    """What a file has told so far: a follower's state."""

    records: int = 0
    models: dict[str, tuple[str, str]] = {}
    """Name in the settings -> (provider, model)."""
    kind: str = ""
    """Of the last request."""
    ended: tuple[str, _Tokens] | None = None
    """Id and counts of a step whose record has not come yet."""
    recorded: tuple[Sighting, _Tokens] | None = None
    """A record whose step has not ended yet, and its counts."""


_RECORD = Reader(_Record)
_STATE = Reader(_State)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    home = places.home / (places.env.get("KIMI_CODE_HOME") or ".kimi-code")
    return (Lines(home / "sessions", ("wd_*/*/agents/*/wire.jsonl",), _MARKERS, _Wire),)


class _Wire:
    """See `Follower`."""

    label = ""

    def __init__(self, file: File, state: bytes, odd: Odd) -> None:
        self._file = file
        self._odd = odd
        steps = file.path.split("/")
        self._session, self._agent = steps[-4], steps[-2]
        self._progress = msgspec.json.decode(state, type=_Progress) if state else _Progress()

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        record, whole = _RECORD.read(line)
        if record is None:
            self._odd(DROPPED, "not-json")
            return ()
        if record.type == "llm.request":
            self._requested(record)
            return ()
        if record.type == "usage.record":
            return self._recorded(record, whole)
        return self._ended(record.event) if record.event is not None and record.event.type == "step.end" else ()

    def save(self) -> bytes:
        """See `Follower.save`."""
        return msgspec.json.encode(self._progress)

    def _requested(self, record: _Record) -> None:
        progress, model = self._progress, record.model or ""
        service = SERVICES.get(record.provider or "")
        provider = service.provider if service else provider_named(record.provider, model) or "kimi"
        progress.models[record.modelAlias or model] = (provider, model)
        progress.kind = record.kind or ""

    def _recorded(self, record: _Record, whole: bool) -> Found:
        progress, tokens = self._progress, record.usage
        place = progress.records
        progress.records += 1
        if tokens is None:
            self._odd(DROPPED, "no-usage")
            return ()
        usage = _usage(tokens)
        if not usage.total:
            return ()
        if not whole:
            self._odd(DOUBTFUL, "malformed")
        at_us = instant(record.time)
        shorter = record.usageScope != "turn" and progress.kind == "compaction"
        ended, progress.ended = progress.ended, None
        owner = self._owner(at_us)
        alias = record.model or ""
        provider, model = progress.models.get(alias, (provider_named(None, alias) or "kimi", alias))
        subagent = None if self._agent == _MAIN else identifier(self._agent)
        found = Sighting(
            key=f"{owner}/{self._agent}/{place}",
            agent=NAME,
            session=owner,
            at_us=at_us,
            provider=provider,
            model=model,
            usage=usage,
            response_id=ended[0] if ended and ended[1] == tokens and not shorter else None,
            subagent=subagent,
            sidechain=subagent is not None,
            copied=owner != self._session,
            folder=self._states[0].workDir,
            request_class="compaction" if shorter else None,
        )
        progress.recorded = None if found.response_id or shorter else (found, tokens)
        return (found,)

    def _ended(self, event: _Event) -> Found:
        progress, tokens = self._progress, event.usage
        recorded, progress.recorded = progress.recorded, None
        name = lasting(event.messageId)
        if name is None or tokens is None:
            return ()
        if recorded is None or recorded[1] != tokens:
            progress.ended = (name, tokens)
            return ()
        return (msgspec.structs.replace(recorded[0], response_id=name),)

    def _owner(self, at_us: int) -> str:
        """Id of the session in which a record was made: this one, or one that it was forked from."""
        owner = self._session
        for state in self._states:
            if not state.forkedFrom or not 0 < at_us < instant(state.createdAt):
                break
            owner = state.forkedFrom
        return owner

    @cached_property
    def _states(self) -> list[_State]:
        """What is known of the session, of the one that it was forked from, and so on."""
        states = [_state(self._file, "../..")]
        while (above := identifier(states[-1].forkedFrom)) and len(states) < _MOST_FORKS:
            states.append(_state(self._file, f"../../../{above}"))
        return states


def _state(file: File, folder: str) -> _State:
    state, _ = _STATE.read(file.beside(f"{folder}/state.json"))
    return state or _State()


def _usage(tokens: _Tokens) -> Usage:
    return Usage(
        input=tokens.inputOther or 0,
        cache_read=tokens.inputCacheRead or 0,
        cache_write_5m=tokens.inputCacheCreation or 0,
        output=tokens.output or 0,
    )
