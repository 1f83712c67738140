"""What opencode keeps: messages in a SQLite database, in JSON files before version 1.2.

- A response is an assistant's message. Its `tokens` are those of its last step, its own and never cumulative; it has
  none until it ends, and is then written again.
- Deduplication key: the message's id, which is kept when old files are taken into the database. Forks copy messages
  under new ids: an id begins with the time at which it was made, so that of a copy is later than the end of its
  response. A copy counts only where its original is not there. Version 2 has a table of its own, `session_message`;
  what both have is one.
- Overlap: `input` leaves both caches out. `reasoning` is outside `output` since 1.4, inside before, except with Gemini:
  `total` tells, where there is one. Where it is inside, opencode's own `cost` has it twice, and is not used.
- `cost` is its own, at the list price of models.dev; zero means a subscription, a model that it does not know, or
  one that runs locally (Ollama, LM Studio, llama.cpp).
- A sub-agent is a session with a `parent_id`. The call for a session's title is in no message, and no id of the
  provider's is.

Source: the writers in versions 1.0, 1.2 and 1.18, their databases, and reports on version 2.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from msgspec import Struct

from tokenguard.agents.logs.costs import stated
from tokenguard.agents.logs.opencode_message import (
    MESSAGE,
    Message,
    fingerprint,
    is_copy,
    model_of,
    originals,
    usage_of,
)
from tokenguard.agents.logs.shape import (
    DOUBTFUL,
    DROPPED,
    UNKNOWN,
    Database,
    Document,
    File,
    Found,
    Odd,
    Places,
    Sighting,
    Source,
)
from tokenguard.agents.logs.values import instant, provider_named
from tokenguard.agents.side import identifier

NAME = "opencode"

_TABLES = ("message", "session_message")
_SESSIONS = ("session", "session_v2")
_NOWHERE = ":memory:"
_LONGEST_MS = 3_600_000
"""What was last written before this is not read again: some versions do not note when they write a message again."""


class _Session(Struct):
    parent: str | None = None
    folder: str | None = None


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    root = places.data() / "opencode"
    kept = ("storage/message/**/*.json", "project/*/storage/session/message/**/*.json")
    return (*databases(root, NAME, places.env.get("OPENCODE_DB", _NOWHERE)), Document(root, kept, _read_file))


def databases(root: Path, agent: str, named: str = _NOWHERE) -> tuple[Database, ...]:
    """Those of opencode, or of an agent that came of it; `named` is the one that a variable names."""
    read = partial(_read_database, agent)
    usual = Database(root, (f"{agent}*.db",), read)
    file = root / named
    return (usual,) if named == _NOWHERE else (usual, Database(file.parent, (file.name,), read))


def _read_database(agent: str, file: File, conn: sqlite3.Connection, state: bytes, odd: Odd) -> tuple[Found, bytes]:
    """See `Database.read`. The state is when the latest message was written."""
    since = int(state or 0)
    tables = [table for table in _TABLES if {"id", "session_id", "data"} <= _columns(conn, table)]
    dated = [table for table in tables if "time_updated" in _columns(conn, table)]
    latest = [conn.execute(f"SELECT max(time_updated) FROM {table}").fetchone()[0] for table in dated]
    until = max((at for at in latest if isinstance(at, int)), default=0)
    if file.modified_us:
        # A clock that was ahead once must not make everything that comes later look old.
        until = min(until, file.modified_us // 1_000)
    wanted = {table: since - _LONGEST_MS if table in dated and since <= until else None for table in tables}
    return _rows(agent, conn, wanted, odd), str(until).encode()


def _rows(agent: str, conn: sqlite3.Connection, wanted: Mapping[str, int | None], odd: Odd) -> Iterator[Sighting]:
    """What tables show that was written since then, in milliseconds; None for all of it."""
    sessions = _sessions(conn)
    for table, since in wanted.items():
        kind = "type" if "type" in _columns(conn, table) else "NULL"
        recent, values = ("", ()) if since is None else ("time_updated >= ? AND", (since,))
        where = f"WHERE {recent} instr(data, '\"tokens\"')"
        query = f"SELECT id, session_id, {kind}, CAST(data AS BLOB) FROM {table} {where}"
        with closing(conn.execute(query, values)) as rows:
            for name, session, type_, data in rows:
                message = _message(data, odd, str(name), str(session), type_)
                if message is not None and not _repeats(conn, wanted, message):
                    yield from _sightings(agent, message, sessions)


def _read_file(file: File, content: bytes, odd: Odd) -> Found:
    """See `Document.read`. Here, too, the originals of copies are there: only whole sessions are deleted, seldom."""
    stem = file.path.rpartition("/")[2].removesuffix(".json")
    message = _message(content, odd, stem, file.path.split("/")[-2], None)
    return () if message is None or is_copy(message) else _sightings(NAME, message, {})


def _message(data: bytes, odd: Odd, name: str, session: str, kind: str | None) -> Message | None:
    """An assistant's message, known by the id and session that its place tells where it does not itself."""
    message, whole = MESSAGE.read(data)
    if message is None:
        odd(DROPPED, "not-json")
        return None
    if "assistant" not in (message.role, message.type, kind):
        if message.tokens is not None:
            odd(UNKNOWN, identifier(message.role or message.type or kind) or "none")
        return None
    if not whole:
        odd(DOUBTFUL, "malformed")
    message.id = message.id or name
    message.sessionID = message.sessionID or session
    message.type = message.type or kind
    return message


def _sightings(agent: str, message: Message, sessions: Mapping[str, _Session]) -> Iterator[Sighting]:
    usage, twice = usage_of(message)
    if not usage.total:
        return
    model, provider = model_of(message)
    own = message.sessionID or ""
    session = _root(own, sessions)
    copied = is_copy(message)
    yield Sighting(
        key=fingerprint(message) if copied else message.id or "",
        agent=agent,
        session=session,
        at_us=instant(message.time.created) if message.time else 0,
        provider=provider_named(provider, model),
        model=model,
        usage=usage,
        subagent=own if own != session else None,
        subagent_type=message.agent if own != session else None,
        sidechain=own != session,
        copied=copied,
        folder=(message.path.cwd if message.path else None) or sessions.get(own, _Session()).folder,
        request_class="compaction" if message.summary or message.agent == "compaction" else None,
        stated_nanos=stated(provider, None if twice else message.cost),
    )


def _repeats(conn: sqlite3.Connection, tables: Iterable[str], message: Message) -> bool:
    """Whether a message is a copy of another one in the tables."""
    if not is_copy(message):
        return False
    for table in tables:
        query = f"SELECT CAST(data AS BLOB) FROM {table} WHERE id >= ? AND id < ?"
        found = (MESSAGE.read(data)[0] for (data,) in conn.execute(query, originals(message)))
        if any(original is not None and fingerprint(original) == fingerprint(message) for original in found):
            return True
    return False


def _sessions(conn: sqlite3.Connection) -> dict[str, _Session]:
    found: dict[str, _Session] = {}
    for table in _SESSIONS:
        if {"id", "parent_id", "directory"} <= _columns(conn, table):
            for name, parent, folder in conn.execute(f"SELECT id, parent_id, directory FROM {table}"):
                found[str(name)] = _Session(parent or None, folder or None)
    return found


def _root(session: str, sessions: Mapping[str, _Session]) -> str:
    """The session that a person began: that of a sub-agent, and of what it started, is above it."""
    above = [session]
    while (parent := sessions.get(above[-1], _Session()).parent) and parent not in above:
        above.append(parent)
    return above[-1]


def _columns(conn: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in conn.execute(f"PRAGMA table_info({table})")}
