"""What Crush keeps: a database in each project, with the sessions that were held there.

- `cost` of a session is cumulative; it holds that of its sub-agents, which are sessions with a parent and never count.
  It is what Crush itself reckons; 0 is a price that it does not know, or a flat rate.
- `prompt_tokens` and `completion_tokens` are those of the session's last request, not sums, and a summary begins them
  anew. What they grew by is a row, and all of them where they fell: less than was used, while the cost is whole.
- Deduplication key: the session's id. Its row is of the model of its last answer.
- Overlap: `prompt_tokens` holds what was read from the cache, which is not told apart.
- Instants are seconds, although the schema speaks of milliseconds.
- Which projects there are stands in a list of Crush's own, and any project may hold one.

Source: `internal/db`, `internal/agent/agent.go`, `internal/agent/coordinator.go`, `internal/projects` of August 2026.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from tokenguard.agents.logs.costs import stated
from tokenguard.agents.logs.counts import counts
from tokenguard.agents.logs.shape import DOUBTFUL, Database, File, Found, Odd, Places, Sighting, Snapshot, Source
from tokenguard.agents.logs.values import instant, provider_named
from tokenguard.records import Usage
from tokenguard.wire.decoding import Reader

NAME = "crush"

_FOLDER = ".crush"
_FILE = "crush.db"
_SESSIONS = (
    "SELECT CAST(id AS TEXT), prompt_tokens, completion_tokens, cost, updated_at FROM sessions"
    " WHERE parent_session_id IS NULL AND CAST(id AS TEXT) <> '' ORDER BY updated_at, id"
)
_ANSWERED = "FROM messages WHERE session_id = ? AND model <> '' ORDER BY created_at DESC, rowid DESC LIMIT 1"


class _Project(Struct):
    path: str | None = None
    data_dir: str | None = None


class _Projects(Struct):
    projects: list[_Project] = []


_PROJECTS = Reader(_Projects)
_Sums = tuple[int, int, float, int]
"""Tokens of the prompt, of the completion, dollars, and the instant of the last change."""


def registry(places: Places) -> Path:
    """The file in which Crush lists the projects in which it was used."""
    given = places.env.get("CRUSH_GLOBAL_DATA")
    return (places.home / given if given else places.data() / NAME) / "projects.json"


def registered(content: bytes) -> tuple[Path, ...]:
    """The projects in that list; none where it cannot be read."""
    found, _ = _PROJECTS.read(content)
    return tuple(Path(project.path) for project in (found.projects if found else ()) if project.path)


def sources(places: Places) -> tuple[Source, ...]:
    """See `Logs.sources`."""
    return tuple(Database(project / _FOLDER, (_FILE,), _read) for project in dict.fromkeys(places.projects))


def _read(file: File, connection: sqlite3.Connection, state: bytes, odd: Odd) -> tuple[Found, bytes]:
    """See `Database.read`. The state has the sums of each session."""
    before: dict[str, _Sums] = msgspec.json.decode(state, type=dict[str, _Sums]) if state else {}
    now = {str(row[0]): _sums(row[1:], odd) for row in connection.execute(_SESSIONS)}
    folder = file.path.rpartition(f"/{_FOLDER}/")[0]
    fresh = [name for name, sums in now.items() if before.get(name) != sums and any(sums[:3])]
    return _snapshots(connection, {name: now[name] for name in fresh}, folder), msgspec.json.encode(now)


def _sums(row: tuple[object, ...], odd: Odd) -> _Sums:
    prompt, completion, cost, changed = row
    (sent, answered), whole = counts((prompt, completion))
    if not whole:
        odd(DOUBTFUL, "malformed")
    at_us = instant(changed if isinstance(changed, int | float) else None)
    usd = cost if isinstance(cost, int | float) and 0 < cost < math.inf else 0
    return sent, answered, usd, at_us


def _snapshots(connection: sqlite3.Connection, sessions: dict[str, _Sums], folder: str) -> Iterator[Snapshot]:
    for name, (prompt, completion, cost, at_us) in sessions.items():
        provider, model = _served(connection, name)
        total = Sighting(
            key=name,
            agent=NAME,
            session=name,
            at_us=at_us,
            provider=provider_named(provider, model),
            model=model,
            usage=Usage(input=prompt, output=completion),
            folder=folder or None,
            stated_nanos=stated(provider, cost),
        )
        yield Snapshot(total)


def _served(connection: sqlite3.Connection, session: str) -> tuple[str | None, str]:
    """(provider, model) of the last answer in a session; older versions do not tell the provider."""
    try:
        row = connection.execute(f"SELECT provider, model {_ANSWERED}", (session,)).fetchone()
    except sqlite3.OperationalError:
        row = connection.execute(f"SELECT NULL, model {_ANSWERED}", (session,)).fetchone()
    provider, model = row or (None, None)
    return provider if isinstance(provider, str) else None, model if isinstance(model, str) else ""
