"""What Goose keeps: a database of sessions, with a ledger of their responses since 2026.

- A row of `usage_ledger` is a response with its own counts; its deduplication key is session and id.
- Of a session without such rows, `accumulated_*` are the sums: what is new since the last look is a row, of the model
  that the session has then, at the time at which it was changed last. The plain `*_tokens` of a session are its last
  response's and never count. Older versions have only the sums; a session that began with one is its sums as far as
  they were seen then, and the rows of the ledger from there on.
- Overlap: `input_tokens` holds what was read from the cache and written to it, except where it is smaller than these,
  or where the total says that they are beside it. Older versions tell nothing of the cache.
- A sub-agent is a session that names its parent. What Goose had another agent do stands in that one's log.

Source: `session/session_manager.rs` of Goose, schema versions 1 to 17.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from tokenguard.agents.logs.costs import stated
from tokenguard.agents.logs.counts import counts, with_cache_inside
from tokenguard.agents.logs.shape import (
    DOUBTFUL,
    DROPPED,
    Database,
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
from tokenguard.wire.decoding import Reader

NAME = "goose"

_SUMS = "accumulated_"
_COUNTS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "total_tokens", "cost")
_SESSION = (
    *("id", "session_type", "working_dir", "created_at", "updated_at", "provider_name", "model_config_json"),
    *("parent_session_id", *(f"{_SUMS}{count}" for count in _COUNTS)),
)
_RESPONSE = ("id", "session_id", "created_timestamp", "model", "is_compaction", *_COUNTS)


_AGENTS = frozenset({"claude-code", "codex", "gemini-cli"})
"""Providers that are other agents, which keep logs of their own."""
_PROVIDERS = {
    "aws_bedrock": "amazon-bedrock",
    "azure_openai": "azure",
    "gcp_vertex_ai": "google-vertex",
    "github_copilot": "github-copilot",
}
"""Names that no other agent has for providers."""


class _State(Struct):
    """What was read; a database's state."""

    row: int = 0
    """The last one of the ledger."""
    sessions: dict[str, str] = {}
    """When each session that has only sums was changed last, and to what."""


class _Model(Struct):
    model_name: str | None = None


_MODEL = Reader(_Model)
_Row = dict[str, object]


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    given = places.env.get("GOOSE_PATH_ROOT")
    root = places.home / given / "data" if given else places.data() / "goose"
    return (Database(root / "sessions", ("sessions.db",), _read),)


def _read(file: File, connection: sqlite3.Connection, state: bytes, odd: Odd) -> tuple[Found, bytes]:
    """See `Database.read`."""
    before = msgspec.json.decode(state, type=_State) if state else _State()
    sessions = {name: row for row in _rows(connection, "sessions", _SESSION) if (name := _name(row.get("id")))}
    found: list[Sighting | Snapshot] = []
    last, billed = before.row, set[str]()
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'usage_ledger'").fetchone():
        last = _number(connection.execute("SELECT max(id) FROM usage_ledger").fetchone()[0])
        # Ids only grow: fewer than there were are those of another database.
        first = before.row if before.row <= last else 0
        for row in _rows(connection, "usage_ledger", _RESPONSE, first):
            if name := _name(row.get("session_id")):
                found += _response(row, name, sessions.get(name, {}), odd)
            else:
                odd(DROPPED, "no-id")
        billed = {_name(row[0]) for row in connection.execute("SELECT DISTINCT session_id FROM usage_ledger")}
    changed = {name: _stamp(row) for name, row in sessions.items() if name not in billed}
    for name in sorted(changed, key=changed.__getitem__):
        if before.sessions.get(name) != changed[name]:
            if name in before.sessions and not sessions[name].get("updated_at"):
                sessions[name]["updated_at"] = file.modified_us
            found += _sums(name, sessions[name], odd)
    return found, msgspec.json.encode(_State(last, changed))


def _rows(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], after: int | None = None
) -> Iterator[_Row]:
    """Rows with those columns that this version has; of those with numbers for ids the ones that came `after` one."""
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    names = [name for name in columns if name in there]
    since = "" if after is None else f" WHERE id > {after} ORDER BY id"
    for row in connection.execute(f"SELECT {', '.join(names)} FROM {table}{since}"):
        yield dict(zip(names, row, strict=True))


def _stamp(session: _Row) -> str:
    return "/".join(str(session.get(name)) for name in ("updated_at", *(f"{_SUMS}{count}" for count in _COUNTS)))


def _response(row: _Row, name: str, session: _Row, odd: Odd) -> Iterator[Sighting]:
    usage, cost = _usage(row, "", odd), _figure(row.get("cost"))
    if (usage.total or cost) and session.get("provider_name") not in _AGENTS:
        at_us = instant(_figure(row.get("created_timestamp")))
        model = _text(row.get("model")) or _model(session)
        kind = "compaction" if row.get("is_compaction") else None
        yield _sighting(f"{name}/{row.get('id')}", name, session, at_us, model, usage, cost, kind)


def _sums(name: str, session: _Row, odd: Odd) -> Iterator[Snapshot]:
    usage, cost = _usage(session, _SUMS, odd), _figure(session.get(f"{_SUMS}cost"))
    if (usage.total or cost) and session.get("provider_name") not in _AGENTS:
        when = session.get("updated_at") or session.get("created_at")
        at_us = instant(when if isinstance(when, str) else _figure(when))
        yield Snapshot(_sighting(name, name, session, at_us, _model(session), usage, cost, None))


def _sighting(
    key: str,
    name: str,
    session: _Row,
    at_us: int,
    model: str,
    usage: Usage,
    cost: float | None,
    request_class: str | None,
) -> Sighting:
    provider = _text(session.get("provider_name"))
    parent = _text(session.get("parent_session_id"))
    subagent = "sub-agent" if parent or session.get("session_type") == "sub_agent" else None
    return Sighting(
        key=key,
        agent=NAME,
        session=name,
        at_us=at_us,
        provider=provider_named(_PROVIDERS.get(provider or "", provider), model),
        model=model,
        usage=usage,
        parent=parent,
        folder=_text(session.get("working_dir")),
        request_class=request_class or subagent,
        stated_nanos=stated(provider, cost),
    )


def _usage(row: _Row, prefix: str, odd: Odd) -> Usage:
    names = ("input", "cache_read", "cache_write", "output", "total")
    (prompt, read, written, output, total), whole = counts(row.get(f"{prefix}{name}_tokens") for name in names)
    if not whole:
        odd(DOUBTFUL, "malformed")
    if total and total == prompt + read + written + output:
        return Usage(input=prompt, cache_read=read, cache_write_5m=written, output=output)
    return with_cache_inside(prompt, read, written, output)


def _model(session: _Row) -> str:
    config = session.get("model_config_json")
    found, _ = _MODEL.read(config if isinstance(config, bytes) else str(config or "{}").encode("utf-8", "replace"))
    return (found and found.model_name) or ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _figure(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _name(value: object) -> str:
    """An id; empty where there is none."""
    return str(value) if isinstance(value, str | int) else ""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
