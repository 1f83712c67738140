"""Agents that keep only the sums of a session: what is new since the last look is a row of its own day."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from tests.importing.hostile import Home
from tokenguard.ledger import Ledger

DAY_S = 86_400
FIRST_S = 1_772_359_205
"""2026-03-01, 10:00:05 UTC."""


@pytest_asyncio.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield Home(tmp_path / "home", ledger, tmp_path / "ledger.db", monkeypatch)
    await ledger.close()


def droid(home: Home, prompt: int, output: int, day: int = 0, model: str = "claude-opus-4-5") -> None:
    """A session's sums as Droid writes them on a day."""
    file = home.home / ".factory" / "sessions" / "-srv-web" / "s1.settings.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"model": model, "tokenUsage": {"inputTokens": prompt, "outputTokens": output}}))
    at = FIRST_S + day * DAY_S
    os.utime(file, (at, at))


@pytest.fixture
def crush(home: Home) -> Iterator[sqlite3.Connection]:
    """An empty database of Crush's in a project that it lists."""
    project = home.home / "web"
    (project / ".crush").mkdir(parents=True)
    listed = home.home / ".local" / "share" / "crush"
    listed.mkdir(parents=True)
    (listed / "projects.json").write_text(json.dumps({"projects": [{"path": str(project)}]}))
    with closing(sqlite3.connect(project / ".crush" / "crush.db", isolation_level=None)) as conn:
        conn.execute("CREATE TABLE messages (session_id TEXT, model TEXT, created_at INTEGER)")
        columns = "prompt_tokens INTEGER, completion_tokens INTEGER, cost REAL, updated_at INTEGER"
        conn.execute(f"CREATE TABLE sessions (id TEXT PRIMARY KEY, parent_session_id TEXT, {columns})")
        yield conn


def session(conn: sqlite3.Connection, prompt: int, completion: int, cost: float, day: int) -> None:
    at = FIRST_S + day * DAY_S
    conn.execute("INSERT OR REPLACE INTO sessions VALUES ('s1', NULL, ?, ?, ?, ?)", (prompt, completion, cost, at))


def days(home: Home) -> list[tuple[int, int, int, str]]:
    """(day, tokens of the prompt, tokens of the output, model) of each row."""
    rows = home.rows("started_us, input, output, model")
    return [((at // 1_000_000 - FIRST_S) // DAY_S, *more) for at, *more in rows]


async def test_each_day_has_what_was_added_on_it_by_the_model_of_that_time(home: Home) -> None:
    droid(home, 1_000, 50)
    await home.read()
    droid(home, 1_500, 90, day=1, model="gpt-5")
    await home.read()
    assert days(home) == [(0, 1_000, 50, "claude-opus-4-5"), (1, 500, 40, "gpt-5")]


async def test_settings_that_were_written_again_with_the_same_sums_add_nothing(home: Home) -> None:
    droid(home, 1_000, 50)
    await home.read()
    droid(home, 1_000, 50, day=3)
    await home.read()
    assert days(home) == [(0, 1_000, 50, "claude-opus-4-5")]


async def test_sums_that_began_anew_are_all_new(home: Home) -> None:
    droid(home, 1_000, 50)
    await home.read()
    droid(home, 200, 60, day=1)
    await home.read()
    assert [row[:3] for row in days(home)] == [(0, 1_000, 50), (1, 200, 60)]


async def test_reading_everything_again_leaves_the_rows_of_the_days(home: Home) -> None:
    droid(home, 1_000, 50)
    await home.read()
    droid(home, 1_500, 90, day=1)
    await home.read()
    before = home.rows("log_key, started_us, input, output, cost_nanos")
    await home.read(full=True)
    assert home.rows("log_key, started_us, input, output, cost_nanos") == before


async def test_a_cost_that_grows_is_counted_once_though_the_tokens_began_anew(
    home: Home, crush: sqlite3.Connection
) -> None:
    session(crush, 60_000, 500, 1.25, day=0)
    await home.read()
    session(crush, 0, 900, 1.5, day=1)
    await home.read()
    session(crush, 8_000, 300, 1.75, day=2)
    await home.read()
    assert [row[:3] for row in days(home)] == [(0, 60_000, 500), (1, 0, 400), (2, 8_000, 300)]
    costs = home.rows("started_us, cost_nanos")
    assert [nanos for _, nanos in costs] == [1_250_000_000, 250_000_000, 250_000_000]


async def test_sums_are_told_from_responses_whose_prompts_have_a_length(home: Home) -> None:
    droid(home, 300_000, 20)
    await home.read()
    assert home.rows("dialect, task_type, tool_free") == [("log-sums", "other", None)]
