"""GitHub Copilot CLI's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.agents_logs.support import Odd, database_of, file, follow, line, lines_of, query
from tests.agents_logs.test_copilot import AT, TIME, record, start
from tokenguard.agents.logs import copilot
from tokenguard.agents.logs.shape import Sighting
from tokenguard.records import Usage

_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute("CREATE TABLE sessions (id TEXT PRIMARY KEY, cwd TEXT, branch TEXT)")
        conn.execute("INSERT INTO sessions VALUES ('cf86', '/home/ada/web', 'main')")
        others = "agent_id TEXT, parent_tool_call_id TEXT, model TEXT, total_nano_aiu INTEGER, created_at TEXT"
        conn.execute(
            "CREATE TABLE assistant_usage_events (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT,"
            f" {', '.join(_TOKENS)}, {others})"
        )
        yield conn


def put(conn: sqlite3.Connection, **more: object) -> None:
    tokens = dict(zip(_TOKENS, (12374, 160, 7924, 4446, 45), strict=True))
    row: dict[str, object] = {"session_id": "cf86", "model": "claude-opus-5-5", "created_at": TIME, **tokens, **more}
    marks = ", ".join("?" * len(row))
    conn.execute(f"INSERT INTO assistant_usage_events ({', '.join(row)}) VALUES ({marks})", (*row.values(),))


def read(conn: sqlite3.Connection, state: bytes = b"", odd: Odd | None = None) -> tuple[list[Any], bytes]:
    found, after = query(database_of(copilot), file("/home/ada/.copilot/session-store.db"), conn, state, odd)
    return found, after


def test_a_row_has_its_tokens_session_folder_and_branch(conn: sqlite3.Connection) -> None:
    put(conn)
    assert read(conn)[0] == [
        Sighting(
            key="cf86/177235920/claude-opus-5-5/12374/160",
            agent="copilot",
            session="cf86",
            at_us=1_772_359_205_250_000,
            provider="anthropic",
            model="claude-opus-5-5",
            usage=Usage(input=4, cache_read=7924, cache_write_5m=4446, output=160, reasoning=45),
            folder="/home/ada/web",
            branch="main",
        )
    ]


def test_a_row_and_the_line_of_a_session_are_the_same_response(conn: sqlite3.Connection) -> None:
    put(conn)
    put(conn)
    lines = follow(lines_of(copilot), file(AT), [line(one) for one in (start(), record(), record())])
    assert [one.key for one in read(conn)[0]] == [one.key for one in lines]


def test_a_millisecond_between_both_makes_no_other_response(conn: sqlite3.Connection) -> None:
    put(conn, created_at="2026-03-01T10:00:05.251Z")
    put(conn, created_at="2026-03-01T10:00:05.252Z")
    lines = follow(lines_of(copilot), file(AT), [line(one) for one in (start(), record(), record())])
    assert [one.key for one in read(conn)[0]] == [one.key for one in lines]


def test_a_sub_agents_row_and_its_line_which_names_another_session_are_the_same_response(
    conn: sqlite3.Connection,
) -> None:
    for agent in ("a-1", "a-2"):
        put(conn, agent_id=agent, parent_tool_call_id=f"call_{agent}")
    told = [
        {**record(parentToolCallId=f"call_{agent}", accounting={"sourceSessionId": f"of-{agent}"}), "agentId": agent}
        for agent in ("a-1", "a-2")
    ]
    lines = follow(lines_of(copilot), file(AT), [line(one) for one in (start(), *told)])
    assert [(one.key, one.subagent) for one in read(conn)[0]] == [(one.key, one.subagent) for one in lines]
    assert len({one.key for one in lines}) == 2


def test_a_time_of_the_databases_own_is_utc(conn: sqlite3.Connection) -> None:
    put(conn, created_at="2026-03-01 10:00:05")
    assert read(conn)[0][0].at_us == 1_772_359_205_000_000


def test_only_new_rows_are_read_and_all_of_a_new_database(conn: sqlite3.Connection) -> None:
    put(conn)
    _, state = read(conn)
    put(conn)
    found, state = read(conn, state)
    assert [one.key[-2:] for one in found] == ["#2"]
    assert read(conn, state)[0] == []
    conn.execute("DELETE FROM assistant_usage_events WHERE id > 1")
    assert len(read(conn, state)[0]) == 1


def test_units_of_a_plan_are_cents_and_sub_agents_are_told(conn: sqlite3.Connection) -> None:
    put(conn, total_nano_aiu=1_250_000_000, agent_id="a-1")
    put(conn, parent_tool_call_id="call_1")
    found, _ = read(conn)
    assert [(one.provider, one.stated_nanos, one.subagent) for one in found] == [
        ("copilot", 12_500_000, "a-1"),
        ("anthropic", None, "call_1"),
    ]


def test_columns_and_tables_that_a_version_lacks_are_done_without() -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        assert read(conn) == ([], b"")
        columns = "id INTEGER PRIMARY KEY, session_id TEXT, model TEXT, input_tokens, output_tokens, created_at"
        conn.execute(f"CREATE TABLE assistant_usage_events ({columns})")
        assert read(conn) == ([], b"")
        conn.execute("INSERT INTO assistant_usage_events VALUES (1, 'cf86', 'gpt-6', 10.0, 5, ?)", (1_772_359_205_250,))
        (found,) = read(conn)[0]
    assert (found.usage, found.at_us) == (Usage(input=10, output=5), 1_772_359_205_250_000)
    assert (found.folder, found.branch) == (None, None)


def test_odd_rows_are_noted_and_nothing_more(conn: sqlite3.Connection) -> None:
    put(conn, input_tokens=-5, cache_read_tokens=None, cache_write_tokens=None)
    put(conn, created_at=None)
    put(conn, input_tokens=0, output_tokens=0, cache_read_tokens=0, cache_write_tokens=0)
    odd = Odd()
    assert [one.usage.total for one in read(conn, odd=odd)[0]] == [160, 12534]
    assert odd.seen == [("doubtful", "malformed")]
