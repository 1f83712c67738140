"""What GitHub Copilot CLI keeps: a file of JSON lines for each session, and one SQLite database of them all.

- A response has a line `session.usage_record`, with the provider's ids, and a row of `assistant_usage_events` (since
  1.0.70), without them. Neither is cumulative, and both have the same time, but for a millisecond.
- Deduplication key: sub-agent or else session, tens of seconds, model and tokens, which both have; ids of rows begin
  anew with a new database. A record that was copied into a fork names the session that it is from; of a sub-agent's
  record that is a session of its own, which its row does not name.
- Overlap: input has cache reads and writes in it, output the reasoning.
- `session.shutdown` sums up each model since the session began, before 1.0.70 since it was resumed. It counts where
  nothing else does: what it grew by is a row.
- A unit of AI is a cent. With a key of one's own there are none.
- `otel/*.jsonl`, which exists where somebody asked for it, says the same once more and is not read.

Source: the files and database of version 1.0.102, and reports on versions before.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tokenguard.agents.logs import copilot_store
from tokenguard.agents.logs.copilot_usage import Counts, key_of, nanos_of_units, numbered, usage_of
from tokenguard.agents.logs.shape import (
    DOUBTFUL,
    DROPPED,
    UNKNOWN,
    Database,
    File,
    Found,
    Lines,
    Odd,
    Places,
    Sighting,
    Snapshot,
    Source,
)
from tokenguard.agents.logs.values import instant, provider_named, provider_of
from tokenguard.agents.side import identifier
from tokenguard.agents.versions import is_older
from tokenguard.wire.decoding import Count, Reader

NAME = "copilot"

_STORE = "session-store.db"
_ROWS_SINCE = "1.0.70"


class _Accounting(Struct):
    sourceSessionId: str | None = None


class _Billed(Struct):
    totalNanoAiu: Count | None = None


class _Record(Counts):
    model: str | None = None
    apiCallId: str | None = None
    isByok: bool | None = None
    modelProvider: str | None = None
    totalNanoAiu: Count | None = None
    copilotUsage: _Billed | None = None
    accounting: _Accounting | None = None
    agentId: str | None = None
    parentToolCallId: str | None = None


class _Metrics(Struct):
    usage: Counts | None = None
    totalNanoAiu: Count | None = None


class _Context(Struct):
    cwd: str | None = None
    branch: str | None = None


class _Data(Struct):
    sessionId: str | None = None
    copilotVersion: str | None = None
    context: _Context | None = None
    usage: _Record | None = None
    modelMetrics: dict[str, _Metrics | None] | None = None


class _Event(Struct):
    type: str | None = None
    timestamp: str | None = None
    agentId: str | None = None
    data: _Data | None = None


class _Session(Struct):
    """What the lines so far say; a follower's state."""

    id: str
    folder: str | None = None
    branch: str | None = None
    told: bool = False
    """Whether its responses stand in the file."""
    old: bool | None = None
    """Whether the version that wrote last had no database; None where it is not known."""
    run: int = 0
    """How often such a version resumed it: its sums began anew each time."""
    last: str = ""
    """Key of the last response, without its number, and how many there were with it."""
    times: int = 0


_EVENT = Reader(_Event)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    root = places.home / (places.env.get("COPILOT_HOME") or ".copilot")
    markers = (b"session.usage_record", b'"modelMetrics"', b'"copilotVersion"', b"session.resume")
    return (
        Lines(root, ("session-state/*/events.jsonl", "session-state/*.jsonl"), markers, _Follower),
        Database(root, (_STORE,), copilot_store.read),
    )


class _Follower:
    """See `Follower`. The first line says which session it is, and which version wrote it."""

    label = ""

    def __init__(self, file: File, state: bytes, odd: Odd) -> None:
        self._file = file
        self._odd = odd
        folder, _, name = file.path.rpartition("/")
        stem = name.removesuffix(".jsonl")
        named = folder.rpartition("/")[2] if stem == "events" else stem
        self._session = msgspec.json.decode(state, type=_Session) if state else _Session(named)

    def take(self, line: bytes, offset: int) -> Found:
        """See `Follower.take`."""
        event, whole = _EVENT.read(line)
        if event is None:
            self._odd(DROPPED, "not-json")
            return ()
        data = event.data or _Data()
        if event.type in ("session.start", "session.resume"):
            self._begin(data, resumed=event.type == "session.resume")
        elif event.type == "session.usage_record" and data.usage is not None:
            if not whole:
                self._odd(DOUBTFUL, "malformed")
            self._session.told = True
            return self._response(event, data.usage)
        elif event.type == "session.shutdown" and data.modelMetrics:
            return self._sums(event, data.modelMetrics)
        elif data.usage is not None or data.modelMetrics:
            self._odd(UNKNOWN, identifier(event.type) or "none")
        return ()

    def save(self) -> bytes:
        """See `Follower.save`."""
        return msgspec.json.encode(self._session)

    def _begin(self, data: _Data, resumed: bool) -> None:
        session, context = self._session, data.context or _Context()
        session.id = data.sessionId or session.id
        session.folder = context.cwd or session.folder
        session.branch = context.branch or session.branch
        if data.copilotVersion:
            session.old = is_older(data.copilotVersion, _ROWS_SINCE)
        if resumed and session.old:
            session.run += 1

    def _response(self, event: _Event, record: _Record) -> Found:
        usage = usage_of(record, self._odd)
        if not usage.total:
            return ()
        session = self._session
        source = record.accounting.sourceSessionId if record.accounting else None
        at_us = instant(event.timestamp)
        own = record.agentId or event.agentId or record.parentToolCallId
        key = key_of(own or source or session.id, at_us, record.model, record)
        session.times = session.times + 1 if session.last == key else 1
        session.last = key
        found = Sighting(
            key=numbered(key, session.times),
            agent=NAME,
            session=session.id,
            at_us=at_us,
            provider=provider_named(record.modelProvider, record.model or "") if record.isByok else NAME,
            model=record.model or "",
            usage=usage,
            response_id=record.apiCallId,
            subagent=own,
            sidechain=own is not None,
            copied=source not in (None, session.id),
            folder=session.folder,
            branch=session.branch,
            stated_nanos=nanos_of_units(record.totalNanoAiu or (record.copilotUsage or _Billed()).totalNanoAiu),
        )
        return (found,)

    def _sums(self, event: _Event, metrics: dict[str, _Metrics | None]) -> Found:
        session = self._session
        if session.told or self._is_stored():
            return ()
        run = f"/{session.run}" if session.run else ""
        at_us = instant(event.timestamp)
        return [
            Snapshot(
                Sighting(
                    key=f"{session.id}/{model}{run}",
                    agent=NAME,
                    session=session.id,
                    at_us=at_us,
                    provider=NAME if sums.totalNanoAiu else provider_of(model),
                    model=model,
                    usage=usage_of(sums.usage, self._odd),
                    folder=session.folder,
                    branch=session.branch,
                    stated_nanos=nanos_of_units(sums.totalNanoAiu),
                )
            )
            for model, sums in metrics.items()
            if sums is not None and sums.usage is not None
        ]

    def _is_stored(self) -> bool:
        """Whether the database has the responses, as far as that can be seen: of a large one there is the beginning."""
        above = "../../" if self._file.path.endswith("/events.jsonl") else "../"
        parts = [self._file.beside(f"{above}{_STORE}{suffix}") for suffix in ("", "-wal")]
        return any(parts) and (self._session.old is False or any(self._session.id.encode() in part for part in parts))
