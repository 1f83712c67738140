"""Databases in which anything is wrong: no module raises, but for what SQLite itself has to say."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents_logs.support import Odd, file, places
from tests.agents_logs.test_hostile import AT_MS, SECRET, TIME, check
from tests.support.zstandard import zstd
from tokenguard.agents.logs import LOGS
from tokenguard.agents.logs.shape import Database

AT_S = AT_MS // 1_000
_COUNTS = {"total": 15, "input": 9, "output": 3, "reasoning": 1, "cache": {"read": 2, "write": 1}}
_MESSAGE = {"role": "assistant", "modelID": "gpt-6", "providerID": "openai", "cost": 0.5, "tokens": _COUNTS}
_THREAD = {"cumulative_token_usage": {"input_tokens": 9}, "model": {"provider": "openai", "model": "gpt-6"}}

TABLES: dict[str, dict[str, dict[str, Any]]] = {
    "opencode": {
        "message": {
            "id": "msg_1",
            "session_id": "s",
            "time_created": AT_MS,
            "time_updated": AT_MS,
            "data": json.dumps({**_MESSAGE, "time": {"created": AT_MS}, "summary": {"body": SECRET}}),
        },
        "session": {"id": "s", "parent_id": None, "directory": "/srv"},
    },
    "copilot": {
        "assistant_usage_events": {
            "id": 1,
            "session_id": "s",
            "model": "gpt-6",
            "input_tokens": 9,
            "output_tokens": 3,
            "cache_read_tokens": 2,
            "cache_write_tokens": 1,
            "reasoning_tokens": 1,
            "created_at": TIME,
        },
        "sessions": {"id": "s", "cwd": "/srv", "branch": "main", "summary": SECRET},
    },
    "zed": {
        "threads": {
            "id": "t",
            "summary": SECRET,
            "updated_at": TIME,
            "data_type": "zstd",
            "data": zstd.compress(json.dumps(_THREAD).encode()),
            "parent_id": None,
            "folder_paths": "/srv",
        }
    },
    "goose": {
        "sessions": {
            "id": "s",
            "name": SECRET,
            "session_type": "user",
            "working_dir": "/srv",
            "created_at": "2026-03-01 10:00:05",
            "updated_at": "2026-03-01 10:00:05",
            "provider_name": "openai",
            "model_config_json": '{"model_name": "gpt-6"}',
            "parent_session_id": None,
            "accumulated_input_tokens": 9,
            "accumulated_output_tokens": 3,
            "accumulated_cost": 0.5,
        },
        "usage_ledger": {
            "id": 1,
            "session_id": "other",
            "created_timestamp": AT_S,
            "model": "gpt-6",
            "input_tokens": 9,
            "output_tokens": 3,
            "total_tokens": 12,
            "cache_read_tokens": 2,
            "cache_write_tokens": 1,
            "cost": 0.5,
            "is_compaction": 0,
        },
    },
    "crush": {
        "sessions": {
            "id": "s",
            "parent_session_id": None,
            "title": SECRET,
            "prompt_tokens": 9,
            "completion_tokens": 3,
            "cost": 0.5,
            "updated_at": AT_S,
        },
        "messages": {"session_id": "s", "parts": SECRET, "model": "gpt-6", "provider": "openai", "created_at": AT_S},
    },
}
"""Tables of an agent's database with one row each."""

HOSTILE: list[Any] = [
    *(None, 0, -1, 1 << 62, -(1 << 62), 0.5, -2.5, 1e308, float("inf"), -float("inf")),
    *("", "a", "-1", "12", "{}", "[", "\0", "é" * 900, TIME, "9999-12-31T23:59:59Z", b"", b"\xff\xfe", b"\0" * 99),
]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def filled(agent: str, without: tuple[str, str] = ("", "")) -> sqlite3.Connection:
    """The database of an agent, perhaps without one of its columns."""
    conn = sqlite3.connect(":memory:")
    conn.text_factory = _text
    for table, row in TABLES[agent].items():
        kept = {name: value for name, value in row.items() if (table, name) != without}
        conn.execute(f"CREATE TABLE {table} ({', '.join(kept)})")
        conn.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(kept))})", tuple(kept.values()))
    return conn


def source_of(agent: str) -> Database:
    known = replace(places(), projects=(Path("/srv"),))
    return next(one for one in LOGS[agent].sources(known) if isinstance(one, Database))


def read(agent: str, conn: sqlite3.Connection, odd: Odd, state: bytes = b"") -> list[Any]:
    source = source_of(agent)
    at = replace(file(f"{source.root}/{source.patterns[0].replace('*', '')}"), modified_us=AT_MS * 1_000)
    found, after = source.read(at, conn, state, odd)
    found = list(found)
    assert SECRET.encode() not in after
    again, _ = source.read(at, conn, after, odd)
    list(again)
    return found


def columns(agent: str) -> Iterator[tuple[str, str]]:
    for table, row in TABLES[agent].items():
        for name in row:
            yield table, name


@pytest.mark.parametrize("agent", TABLES)
def test_a_column_in_which_anything_is_wrong_is_no_worse_than_odd(agent: str) -> None:
    with closing(filled(agent)) as conn:
        whole = read(agent, conn, Odd())
        assert whole
        check(whole, Odd())
    for table, name in columns(agent):
        for value in HOSTILE:
            if name in ("id", "session_id") and not (isinstance(value, str) and value):
                continue
            with closing(filled(agent)) as conn:
                conn.execute(f"UPDATE {table} SET {name} = ?", (value,))
                odd = Odd()
                check(read(agent, conn, odd), odd)


@pytest.mark.parametrize("agent", TABLES)
def test_a_column_that_is_missing_is_no_worse_than_a_database_that_cannot_be_read(agent: str) -> None:
    for column in columns(agent):
        with closing(filled(agent, without=column)) as conn:
            odd = Odd()
            try:
                check(read(agent, conn, odd), odd)
            except sqlite3.Error:
                continue


def test_every_agent_that_has_a_database_is_tried() -> None:
    alike = {"kilo"}
    known = replace(places(), projects=(Path("/srv"),))
    agents = {name for name, logs in LOGS.items() if any(isinstance(one, Database) for one in logs.sources(known))}
    assert agents - alike == set(TABLES)
