"""Which session a logged response is of."""

from __future__ import annotations

import sqlite3

from msgspec.structs import replace

from tests.ledger.logs import AT_US, rows, seen, write
from tests.ledger.support import SECOND_US, START_US, call, session, settlement
from tokenguard.ledger import queries, writes


def test_a_gap_in_a_guarded_run_belongs_to_it(conn: sqlite3.Connection) -> None:
    writes.open_session(conn, session("run-1"), b"t")
    writes.settle(conn, settlement(replace(call(1, session="run-1"), agent_session="a")))
    write(conn, seen("msg_7"), seen("msg_8", started_us=START_US - 3_600 * SECOND_US))
    found = rows(conn, "log_key, session")
    assert found == [(None, "run-1"), ("msg_7", "run-1"), ("msg_8", "claude:a")]


def test_what_falls_into_a_guarded_run_is_of_its_task_and_what_it_started_stands_below_it(
    conn: sqlite3.Connection,
) -> None:
    writes.open_session(conn, replace(session("run-1"), task="login"), b"t")
    writes.settle(conn, settlement(replace(call(1, session="run-1"), agent_session="a")))
    write(conn, seen("msg_7"), seen("msg_8", session="codex:b", agent_session="b", parent="claude:a"))
    assert rows(conn, "log_key, session, task")[1:] == [("msg_7", "run-1", "login"), ("msg_8", "codex:b", None)]
    assert [one.parent for one in queries.sessions(conn, ["codex:b"])] == ["run-1"]


def test_a_session_of_its_own_spans_its_rows(conn: sqlite3.Connection) -> None:
    write(conn, seen("m1"), seen("m2", started_us=AT_US + 8), seen("m3", started_us=AT_US - 8, parent="claude:p"))
    (known,) = queries.sessions(conn, ["claude:a"])
    assert (known.started_us, known.ended_us, known.agent, known.repo) == (AT_US - 8, AT_US + 8, "claude", "/src/web")
    assert queries.running_sessions(conn) == []
