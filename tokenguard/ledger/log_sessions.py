"""The session of a response that only a log tells of: a guarded run, or one that the agent had by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import json
from msgspec.structs import replace

from tokenguard.ledger.echoes import AFTER_US, BEFORE_US, FIRST_ID
from tokenguard.ledger.values import Logged

_RUNS = f"""SELECT DISTINCT c.agent_session, s.id, s.task, s.started_us, coalesce(s.ended_us, 9223372036854775807)
    FROM calls AS c JOIN sessions AS s ON s.id = c.session
    WHERE c.agent_session IN (SELECT value FROM json_each(?)) AND c.agent_session IS NOT NULL AND c.id < {FIRST_ID}"""
_SESSION = """INSERT INTO sessions (id, agent, started_us, repo, worktree, branch, labels, upstreams, ended_us, parent)
    VALUES (?, ?, ?, ?, ?, ?, '[]', '[]', ?, ?) ON CONFLICT (id)
    DO UPDATE SET started_us = min(started_us, excluded.started_us), ended_us = max(ended_us, excluded.ended_us)"""


class _Run(NamedTuple):
    """A guarded run that an agent's own session fell into."""

    id: str
    task: str | None
    start_us: int
    end_us: int


def attributed(conn: sqlite3.Connection, rows: Sequence[Logged]) -> Iterable[Logged]:
    """The rows, each in the guarded run in which it fell, or else in a session of its own, which is written."""
    theirs = {row.call.agent_session for row in rows if row.call.agent_session}
    theirs |= {_own_id(row.parent) for row in rows if row.parent}
    runs: dict[str, list[_Run]] = {}
    for agent_session, *run in conn.execute(_RUNS, (json.encode(sorted(theirs)).decode(),)):
        runs.setdefault(agent_session, []).append(_Run(*run))
    own: dict[str, Logged] = {}
    ends: dict[str, tuple[int, int]] = {}
    for row in rows:
        call = row.call
        guarded = _within(runs.get(call.agent_session or "", ()), call.started_us)
        if guarded is not None:
            yield replace(row, call=replace(call, session=guarded.id, task=guarded.task))
            continue
        own.setdefault(call.session, row)
        first_us, last_us = ends.get(call.session, (call.started_us, call.started_us))
        ends[call.session] = (min(first_us, call.started_us), max(last_us, call.started_us))
        yield row
    for id, row in own.items():
        call, (first_us, last_us) = row.call, ends[id]
        place = (call.repo, call.worktree, call.branch)
        above = _within(runs.get(_own_id(row.parent), ()), call.started_us) if row.parent else None
        parent = above.id if above else row.parent
        conn.execute(_SESSION, (id, call.agent, first_us, *place, last_us, parent))


def _own_id(session: str) -> str:
    """What an agent itself calls a session of the ledger that is none of a guarded run."""
    return session.partition(":")[2]


def _within(runs: Sequence[_Run], at_us: int) -> _Run | None:
    return next((run for run in runs if run.start_us - BEFORE_US <= at_us <= run.end_us + AFTER_US), None)
