"""What Zed keeps of its own agent: a database of threads, each of which is one compressed document.

- `cumulative_token_usage` is the sum over the thread and its models: what is new since the last look is a row, of the
  model that the thread has then, at the time at which it was changed last. `request_token_usage` has the last request
  of each message of the user only, which is less, and is summed up where the thread has no sum.
- Deduplication key: the thread's id.
- Overlap: none; `input_tokens` leaves the cache out.
- A sub-agent is a thread that names its parent.

Source: `crates/agent/src/db.rs` and `thread.rs` of Zed; older threads are JSON without compression, in version 0.2.0.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from tokenguard.agents.logs.costs import stated
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
from tokenguard.records import Context, Usage
from tokenguard.wire.decoding import Count, Reader

NAME = "zed"

_PROVIDERS = {"zed.dev": "", "open_router": "openrouter", "x_ai": "xai", "copilot_chat": "github-copilot"}
"""Names that no other agent has for providers; what Zed itself sells is known by its maker."""
_PACKED = b"\x28\xb5\x2f\xfd"
"""How what zstd has compressed begins."""
_LARGEST = 64 << 20
"""Bytes of the largest thread that is unpacked."""


class _Tokens(Struct):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None


class _Model(Struct):
    provider: str | None = None
    model: str | None = None


class _Git(Struct):
    current_branch: str | None = None


class _Worktree(Struct):
    worktree_path: str | None = None
    git_state: _Git | None = None


class _Project(Struct):
    worktree_snapshots: list[_Worktree] = []


class _Parent(Struct):
    parent_thread_id: str | None = None


class _Thread(Struct):
    cumulative_token_usage: _Tokens | None = None
    request_token_usage: dict[str, _Tokens] | list[_Tokens] | None = None
    model: _Model | None = None
    speed: str | None = None
    initial_project_snapshot: _Project | None = None
    subagent_context: _Parent | None = None


_THREAD = Reader(_Thread)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    roots = (places.data() / "zed", places.home / "Library" / "Application Support" / "Zed")
    return tuple(Database(root / "threads", ("threads.db",), _read) for root in roots)


def _read(file: File, connection: sqlite3.Connection, state: bytes, odd: Odd) -> tuple[Found, bytes]:
    """See `Database.read`. The state has when each thread that is there was changed last, and how long it is."""
    before: dict[str, str] = msgspec.json.decode(state, type=dict[str, str]) if state else {}
    query = "SELECT CAST(id AS TEXT), coalesce(updated_at, '') || '/' || coalesce(length(data), 0) FROM threads"
    now = {thread: changed for thread, changed in connection.execute(query) if thread}
    fresh = sorted(thread for thread in now if before.get(thread) != now[thread])
    return _snapshots(connection, fresh, odd), msgspec.json.encode(now)


def _snapshots(connection: sqlite3.Connection, threads: list[str], odd: Odd) -> Iterator[Snapshot]:
    for thread in threads:
        try:
            cursor = connection.execute("SELECT * FROM threads WHERE id = ?", (thread,))
            rows = cursor.fetchall()
        except sqlite3.DataError:
            odd(DROPPED, "too-long")
            continue
        names = [column[0] for column in cursor.description]
        for values in rows:
            if found := _snapshot(thread, dict(zip(names, values, strict=True)), odd):
                yield found


def _snapshot(thread: str, row: dict[str, object], odd: Odd) -> Snapshot | None:
    content = _content(row.get("data"), odd)
    if content is None:
        return None
    found, whole = _THREAD.read(content)
    if found is None:
        odd(DROPPED, "not-json")
        return None
    usage = _usage(found)
    if not usage.total:
        return None
    if not whole:
        odd(DOUBTFUL, "malformed")
    model = found.model or _Model()
    name = model.model or ""
    parent = _text(row.get("parent_id")) or (found.subagent_context and found.subagent_context.parent_thread_id)
    folder, branch = _place(found, _text(row.get("folder_paths")))
    total = Sighting(
        key=thread,
        agent=NAME,
        session=thread,
        at_us=instant(str(row.get("updated_at"))),
        provider=provider_named(_PROVIDERS.get(model.provider or "", model.provider), name),
        model=name,
        usage=usage,
        parent=parent or None,
        folder=folder,
        branch=branch,
        request_class="sub-agent" if parent else None,
        context=Context(speed=found.speed),
        stated_nanos=stated(model.provider, None),
    )
    return Snapshot(total)


def _content(data: object, odd: Odd) -> bytes | None:
    """The JSON of a thread; None, which is noted, where it cannot be had."""
    content = data.encode("utf-8", "replace") if isinstance(data, str) else data
    if not isinstance(content, bytes) or not content.startswith((_PACKED, b"{")):
        odd(DROPPED, "unknown-data-type")
        return None
    return _unpacked(content, odd) if content.startswith(_PACKED) else content


def _unpacked(data: bytes, odd: Odd) -> bytes | None:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd  # costs some milliseconds, needed for this agent only
    unpacker = zstd.ZstdDecompressor()
    try:
        content = unpacker.decompress(data, _LARGEST)
    except zstd.ZstdError:
        odd(DROPPED, "damaged")
        return None
    if not unpacker.eof:
        odd(DROPPED, "damaged" if unpacker.needs_input else "too-long")
        return None
    return content


def _place(thread: _Thread, folders: str | None) -> tuple[str | None, str | None]:
    """(folder, branch) in which a thread began."""
    project = thread.initial_project_snapshot
    worktree = project.worktree_snapshots[0] if project and project.worktree_snapshots else _Worktree()
    branch = worktree.git_state.current_branch if worktree.git_state else None
    return (folders or "").partition("\n")[0] or worktree.worktree_path, branch


def _usage(thread: _Thread) -> Usage:
    total = _counts(thread.cumulative_token_usage or _Tokens())
    if total.total:
        return total
    requests = thread.request_token_usage or []
    for tokens in requests.values() if isinstance(requests, dict) else requests:
        total += _counts(tokens)
    return total


def _counts(tokens: _Tokens) -> Usage:
    return Usage(
        input=tokens.input_tokens or 0,
        cache_read=tokens.cache_read_input_tokens or 0,
        cache_write_5m=tokens.cache_creation_input_tokens or 0,
        output=tokens.output_tokens or 0,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
