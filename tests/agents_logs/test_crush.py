"""Crush's sessions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.agents_logs.support import Odd, file, places, query
from tokenguard.agents.logs import crush
from tokenguard.agents.logs.shape import DOUBTFUL, Database, Sighting
from tokenguard.records import Usage

AT = file("/home/ada/web/.crush/crush.db")
(SOURCE,) = (
    one for one in crush.sources(replace(places(), projects=(Path("/home/ada/web"),))) if isinstance(one, Database)
)
SESSIONS = """CREATE TABLE sessions (id TEXT PRIMARY KEY, parent_session_id TEXT, title TEXT, message_count INTEGER,
    prompt_tokens INTEGER, completion_tokens INTEGER, cost REAL, updated_at INTEGER, created_at INTEGER)"""
MESSAGES = """CREATE TABLE messages (id TEXT PRIMARY KEY, session_id TEXT, role TEXT, parts TEXT, model TEXT,
    created_at INTEGER, updated_at INTEGER)"""
AT_S = 1_772_359_205


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.execute(SESSIONS)
    conn.execute(MESSAGES)
    yield conn
    conn.close()


def session(
    conn: sqlite3.Connection,
    name: str = "s1",
    prompt: object = 1_000,
    completion: object = 50,
    cost: object = 0.0125,
    at: object = AT_S,
    parent: str | None = None,
) -> None:
    values = (name, parent, "…", 4, prompt, completion, cost, at, AT_S - 99)
    conn.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def answer(conn: sqlite3.Connection, model: str | None, at: int, session: str = "s1") -> None:
    values = (f"m{at}{model}", session, "assistant", "[]", model, at, at)
    columns = "id, session_id, role, parts, model, created_at, updated_at"
    conn.execute(f"INSERT INTO messages ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def test_a_session_is_its_sums_in_dollars_and_seconds(database: sqlite3.Connection) -> None:
    session(database)
    answer(database, "claude-sonnet-4-5", AT_S - 5)
    answer(database, None, AT_S)
    (found,), _ = query(SOURCE, AT, database)
    assert found.total == Sighting(
        key="s1",
        agent="crush",
        session="s1",
        at_us=AT_S * 1_000_000,
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=Usage(input=1_000, output=50),
        folder="/home/ada/web",
        stated_nanos=12_500_000,
    )


def test_the_model_is_that_of_the_last_answer_by_the_provider_that_newer_versions_tell(
    database: sqlite3.Connection,
) -> None:
    database.execute("ALTER TABLE messages ADD COLUMN provider TEXT")
    session(database)
    answer(database, "claude-sonnet-4-5", AT_S - 5)
    answer(database, "x-ai/grok-4", AT_S - 1)
    database.execute("UPDATE messages SET provider = 'openrouter'")
    (found,), _ = query(SOURCE, AT, database)
    assert (found.total.provider, found.total.model) == ("openrouter", "x-ai/grok-4")


def test_only_sessions_that_were_changed_are_shown_again(database: sqlite3.Connection) -> None:
    session(database)
    session(database, "s2")
    found, state = query(SOURCE, AT, database)
    assert [one.total.key for one in found] == ["s1", "s2"]
    assert query(SOURCE, AT, database, state) == ([], state)
    session(database, "s2", prompt=0, cost=0.02)
    (found,), _ = query(SOURCE, AT, database, state)
    assert (found.total.key, found.total.usage.input, found.total.stated_nanos) == ("s2", 0, 20_000_000)


def test_the_cost_of_a_sub_agent_is_in_that_of_its_parent(database: sqlite3.Connection) -> None:
    session(database)
    session(database, "m1$$call_1", parent="s1", cost=0.01)
    session(database, "title-s1", parent="s1", cost=0)
    found, _ = query(SOURCE, AT, database)
    assert [one.total.key for one in found] == ["s1"]


def test_a_flat_rate_is_not_free(database: sqlite3.Connection) -> None:
    session(database, cost=0)
    (found,), _ = query(SOURCE, AT, database)
    assert found.total.stated_nanos is None


def test_a_model_on_this_machine_is_free(database: sqlite3.Connection) -> None:
    database.execute("ALTER TABLE messages ADD COLUMN provider TEXT")
    session(database, cost=0)
    answer(database, "qwen3:8b", AT_S)
    database.execute("UPDATE messages SET provider = 'ollama'")
    (found,), _ = query(SOURCE, AT, database)
    assert found.total.stated_nanos == 0


def test_what_is_odd_is_counted(database: sqlite3.Connection) -> None:
    session(database, "a", prompt=-5, at=0)
    session(database, "b", prompt="x", completion=None, cost="much")
    session(database, "c", cost=float("inf"), at=AT_S * 1_000)
    odd = Odd()
    found, _ = query(SOURCE, AT, database, odd=odd)
    assert {one.total.key: (one.total.usage.input, one.total.at_us) for one in found} == {
        "a": (0, 0),
        "c": (1_000, AT_S * 1_000_000),
    }
    assert odd.seen == [(DOUBTFUL, "malformed")] * 2


def test_projects_are_those_of_its_own_list_and_whoever_knows_one() -> None:
    listed = {"projects": [{"path": "/home/ada/web", "data_dir": "/home/ada/web/.crush"}, {"path": 7}]}
    assert crush.registered(json.dumps(listed).encode()) == (Path("/home/ada/web"),)
    assert crush.registered(b"{") == ()
    assert str(crush.registry(places())) == "/home/ada/.local/share/crush/projects.json"
    assert str(crush.registry(places(CRUSH_GLOBAL_DATA="/srv/c"))) == "/srv/c/projects.json"
    assert [str(source.root) for source in crush.sources(replace(places(), projects=(Path("/a"), Path("/a"))))] == [
        "/a/.crush"
    ]
