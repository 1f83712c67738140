"""What Cline keeps: the extension's tasks in editors and in its own folder (`logs.tasks`), and the sessions of its CLI.

- A task's counters are a request's own, never cumulative; the deduplication key is the task and the time of the
  request's message; `tokensIn` leaves the cache out. What sums up requests that were deleted is left out.
- A session of the CLI has a document of its messages, which is written anew as a whole; a response is one that has
  `metrics`, which are its own and never cumulative.
- Deduplication key of the CLI: session and the message's `id`; without one, its place.
- Overlap of the CLI: `inputTokens` holds what was read from the cache and written to it, except where it is smaller
  than these.
- `metadata.usage` in the session's own document sums up the messages, and counts only where these have no metrics;
  `aggregateUsage` holds sub-agents too, which are sessions of their own, and never counts.
- Making a conversation shorter takes the metrics out of old messages: what was read before stays in the ledger.

Source: `session/models/session-manifest.ts`, `agents/src/agent-runtime.ts`, `services/agent-events.ts` of SDK 0.0.78.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tokenguard.agents.logs import tasks
from tokenguard.agents.logs.costs import stated
from tokenguard.agents.logs.counts import with_cache_inside
from tokenguard.agents.logs.shape import (
    DOUBTFUL,
    DROPPED,
    Document,
    File,
    Found,
    Odd,
    Places,
    Sighting,
    Snapshot,
    Source,
)
from tokenguard.agents.logs.values import instant, provider_named
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "cline"

_EXTENSION = "saoudrizwan.claude-dev"
_MESSAGES_END = ".messages.json"


class _Metrics(Struct):
    inputTokens: Count | None = None
    outputTokens: Count | None = None
    cacheReadTokens: Count | None = None
    cacheWriteTokens: Count | None = None
    reasoningTokenCount: Count | None = None
    cost: float | None = None
    totalCost: float | None = None


class _Model(Struct):
    id: str | None = None
    provider: str | None = None


class _Message(Struct):
    id: str | None = None
    role: str | None = None
    ts: float | str | None = None
    metrics: _Metrics | None = None
    modelInfo: _Model | None = None


class _Messages(Struct):
    messages: list[_Message] = []


class _Metadata(Struct):
    usage: _Metrics | None = None
    parentSessionId: str | None = None


class _Session(Struct):
    session_id: str | None = None
    provider: str | None = None
    model: str | None = None
    cwd: str | None = None
    metadata: _Metadata | None = None


_MESSAGES = Reader(_Messages)
_SESSION = Reader(_Session)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    env = places.env
    own = places.home / (env.get("CLINE_DATA_DIR") or f"{env.get('CLINE_DIR') or '.cline'}/data")
    sessions = places.home / env["CLINE_SESSION_DATA_DIR"] if env.get("CLINE_SESSION_DATA_DIR") else own / "sessions"
    return (
        *tasks.documents(places, NAME, _EXTENSION),
        tasks.tasks(own / "tasks", NAME),
        Document(sessions, ("*/*.json",), _read),
    )


def _read(file: File, content: bytes, odd: Odd) -> Found:
    """See `Document.read`."""
    folder, _, name = file.path.rpartition("/")
    if name.endswith(_MESSAGES_END):
        messages, whole = _MESSAGES.read(content)
        _judge(messages is not None, whole, odd)
        stem = name.removesuffix(_MESSAGES_END)
        session, _ = _SESSION.read(file.beside(f"{folder.rpartition('/')[2]}.json"))
        return _responses(messages.messages if messages else [], session or _Session(), stem)
    if name.count(".") > 1 or b'"metrics"' in file.beside(f"{name.removesuffix('.json')}{_MESSAGES_END}"):
        return ()
    session, whole = _SESSION.read(content)
    _judge(session is not None, whole, odd)
    return _sums(file, session, name.removesuffix(".json")) if session else ()


def _judge(readable: bool, whole: bool, odd: Odd) -> None:
    if not readable:
        odd(DROPPED, "not-json")
    elif not whole:
        odd(DOUBTFUL, "malformed")


def _responses(messages: list[_Message], session: _Session, stem: str) -> Iterator[Sighting]:
    """`stem` is the session's id, or the name of one of its sub-agents."""
    whole = session.session_id or stem
    for place, message in enumerate(messages):
        metrics = message.metrics
        if metrics is None or not (_usage(metrics).total or metrics.cost):
            continue
        info = message.modelInfo or _Model()
        subagent = None if stem == whole else stem
        yield _sighting(
            session,
            metrics,
            key=f"{whole}/{stem}/{message.id or f'#{place}'}",
            session_id=whole,
            at_us=instant(message.ts),
            model=info.id or session.model or "",
            provider=info.provider or session.provider,
            subagent=subagent,
        )


def _sums(file: File, session: _Session, stem: str) -> Iterator[Snapshot]:
    usage = session.metadata.usage if session.metadata else None
    if usage is not None and (_usage(usage).total or usage.totalCost):
        yield Snapshot(
            _sighting(
                session,
                usage,
                key=session.session_id or stem,
                session_id=session.session_id or stem,
                at_us=file.modified_us,
                model=session.model or "",
                provider=session.provider,
                subagent=None,
            )
        )


def _sighting(
    session: _Session,
    metrics: _Metrics,
    *,
    key: str,
    session_id: str,
    at_us: int,
    model: str,
    provider: str | None,
    subagent: str | None,
) -> Sighting:
    cost = metrics.totalCost if metrics.cost is None else metrics.cost
    return Sighting(
        key=key,
        agent=NAME,
        session=session_id,
        at_us=at_us,
        provider=provider_named(provider, model),
        model=model,
        usage=_usage(metrics),
        parent=session.metadata.parentSessionId if session.metadata else None,
        subagent=subagent,
        sidechain=subagent is not None,
        folder=session.cwd,
        stated_nanos=stated(provider, cost),
    )


def _usage(metrics: _Metrics) -> Usage:
    return with_cache_inside(
        metrics.inputTokens or 0,
        metrics.cacheReadTokens or 0,
        metrics.cacheWriteTokens or 0,
        metrics.outputTokens or 0,
        metrics.reasoningTokenCount or 0,
    )
