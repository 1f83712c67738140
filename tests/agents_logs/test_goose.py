"""Goose's sessions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents_logs.support import Odd, database_of, file, query
from tokenguard.agents.logs import goose
from tokenguard.agents.logs.shape import DOUBTFUL, Sighting, Snapshot
from tokenguard.records import Usage

AT = file("/home/ada/.local/share/goose/sessions/sessions.db")
SOURCE = database_of(goose)
FIRST = """CREATE TABLE sessions (id TEXT PRIMARY KEY, description TEXT, working_dir TEXT NOT NULL,
    created_at TIMESTAMP, updated_at TIMESTAMP, total_tokens INTEGER, input_tokens INTEGER, output_tokens INTEGER,
    accumulated_total_tokens INTEGER, accumulated_input_tokens INTEGER, accumulated_output_tokens INTEGER)"""
LATER = (
    "session_type TEXT",
    "provider_name TEXT",
    "model_config_json TEXT",
    "parent_session_id TEXT",
    "accumulated_cache_read_tokens INTEGER",
    "accumulated_cache_write_tokens INTEGER",
    "accumulated_cost REAL",
)
LEDGER = """CREATE TABLE usage_ledger (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
    created_timestamp INTEGER NOT NULL, model TEXT, input_tokens INTEGER, output_tokens INTEGER, total_tokens INTEGER,
    cache_read_tokens INTEGER, cache_write_tokens INTEGER, cost REAL, cost_source TEXT, is_compaction INTEGER)"""
AT_S = 1_772_359_205


@pytest.fixture
def old() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.execute(FIRST)
    yield conn
    conn.close()


@pytest.fixture
def new(old: sqlite3.Connection) -> sqlite3.Connection:
    for column in LATER:
        old.execute(f"ALTER TABLE sessions ADD COLUMN {column}")
    old.execute(LEDGER)
    return old


def put(conn: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(values))
    conn.execute(f"INSERT OR REPLACE INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def session(
    conn: sqlite3.Connection, name: str = "20260301_1", at: str | None = "2026-03-01 10:00:05", **more: Any
) -> None:
    values = {"id": name, "working_dir": "/home/ada/web", "created_at": "2026-02-28 09:00:00", "updated_at": at}
    put(conn, "sessions", {**values, **more})


def sums(prompt: int = 1_000, output: int = 50) -> dict[str, Any]:
    return {
        "input_tokens": 7,
        "output_tokens": 8,
        "accumulated_total_tokens": prompt + output,
        "accumulated_input_tokens": prompt,
        "accumulated_output_tokens": output,
    }


def served(model: str = "claude-sonnet-4-5", provider: str = "anthropic") -> dict[str, Any]:
    return {"provider_name": provider, "model_config_json": json.dumps({"model_name": model, "context_limit": 1})}


def response(conn: sqlite3.Connection, name: str = "20260301_1", at: int = AT_S, **more: Any) -> None:
    values = {"session_id": name, "created_timestamp": at, "model": "claude-sonnet-4-5"}
    counts = {"input_tokens": 10_000, "output_tokens": 400, "total_tokens": 10_400}
    cached = {"cache_read_tokens": 8_000, "cache_write_tokens": 1_500, "cost": 0.05, "cost_source": "estimated"}
    put(conn, "usage_ledger", {**values, **counts, **cached, **more})


def test_a_row_of_the_ledger_is_a_response(new: sqlite3.Connection) -> None:
    session(new, **served(), **sums())
    response(new)
    (found,), _ = query(SOURCE, AT, new)
    assert found == Sighting(
        key="20260301_1/1",
        agent="goose",
        session="20260301_1",
        at_us=AT_S * 1_000_000,
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=Usage(input=500, cache_read=8_000, cache_write_5m=1_500, output=400),
        folder="/home/ada/web",
        stated_nanos=50_000_000,
    )


def test_only_new_rows_are_read_unless_the_database_began_anew(new: sqlite3.Connection) -> None:
    response(new)
    response(new)
    _, state = query(SOURCE, AT, new)
    response(new)
    found, state = query(SOURCE, AT, new, state)
    assert [one.key for one in found] == ["20260301_1/3"]
    new.execute("DELETE FROM usage_ledger WHERE id > 1")
    found, _ = query(SOURCE, AT, new, state)
    assert [one.key for one in found] == ["20260301_1/1"]


def test_a_session_without_rows_is_its_accumulated_sums_at_its_last_change(old: sqlite3.Connection) -> None:
    session(old, **sums())
    (found,), state = query(SOURCE, AT, old)
    assert isinstance(found, Snapshot)
    assert (found.total.key, found.total.usage) == ("20260301_1", Usage(input=1_000, output=50))
    assert (found.total.at_us, found.total.model) == (AT_S * 1_000_000, "")
    assert query(SOURCE, AT, old, state) == ([], state)
    session(old, at="2026-03-02 10:00:00", **sums(1_500))
    (later,), _ = query(SOURCE, AT, old, state)
    assert later.total.usage == Usage(input=1_500, output=50)


def test_sums_that_grow_without_a_time_are_of_the_time_of_the_file(old: sqlite3.Connection) -> None:
    session(old, at=None, **sums())
    (first,), state = query(SOURCE, AT, old)
    session(old, at=None, **sums(1_500))
    (later,), _ = query(SOURCE, replace(AT, modified_us=AT_S * 1_000_000), old, state)
    assert (first.total.at_us, later.total.at_us) == (1_772_269_200_000_000, AT_S * 1_000_000)


def test_a_session_that_has_rows_by_now_is_no_sum_any_more(new: sqlite3.Connection) -> None:
    session(new, **served("gpt-5", "openai"), **sums())
    (before,), state = query(SOURCE, AT, new)
    assert isinstance(before, Snapshot)
    session(new, at="2026-03-02 10:00:00", **served("gpt-5", "openai"), **sums(11_000))
    response(new)
    (after,), _ = query(SOURCE, AT, new, state)
    assert isinstance(after, Sighting)


def test_the_cache_is_beside_the_prompt_where_the_total_says_so(new: sqlite3.Connection) -> None:
    response(new, input_tokens=10_000, total_tokens=19_900)
    response(new, input_tokens=4, total_tokens=None)
    found, _ = query(SOURCE, AT, new)
    assert [one.usage.input for one in found] == [10_000, 4]


def test_a_sub_agent_has_a_parent_and_a_compaction_is_one(new: sqlite3.Connection) -> None:
    session(new, "a", session_type="sub_agent", parent_session_id="20260301_1")
    response(new, "a")
    response(new, is_compaction=1, model=None)
    first, second = query(SOURCE, AT, new)[0]
    assert (first.parent, first.request_class) == ("20260301_1", "sub-agent")
    assert (second.request_class, second.model, second.session) == ("compaction", "", "20260301_1")


def test_what_other_agents_did_stands_in_their_own_logs(new: sqlite3.Connection) -> None:
    session(new, "a", **served("default", "claude-code"), **sums())
    session(new, "b", **served("gpt-5", "codex"))
    response(new, "b")
    assert query(SOURCE, AT, new)[0] == []


def test_providers_have_their_names(new: sqlite3.Connection) -> None:
    session(new, "a", **served("gemini-3-pro", "gcp_vertex_ai"), **sums())
    (found,), _ = query(SOURCE, AT, new)
    assert found.total.provider == "vertex"


def test_what_is_odd_is_counted(new: sqlite3.Connection) -> None:
    session(new, "a", at="later", **{**sums(), "accumulated_output_tokens": -4, "model_config_json": "{"})
    session(new, "b", **{**sums(0, 0)})
    response(new, "c", created_timestamp=0, cost=float("inf"), input_tokens="many")
    odd = Odd()
    found, _ = query(SOURCE, AT, new, odd=odd)
    assert len(found) == 2
    assert [(one.total if isinstance(one, Snapshot) else one).at_us for one in found] == [0, 0]
    assert odd.seen == [(DOUBTFUL, "malformed")] * 2


def test_a_database_without_tables_raises_what_sqlite_raises() -> None:
    with closing(sqlite3.connect(":memory:")) as conn, pytest.raises(sqlite3.OperationalError):
        query(SOURCE, AT, conn)


def test_its_folder_can_be_elsewhere() -> None:
    assert str(SOURCE.root) == "/home/ada/.local/share/goose/sessions"
    assert str(database_of(goose, GOOSE_PATH_ROOT="/srv/g").root) == "/srv/g/data/sessions"
