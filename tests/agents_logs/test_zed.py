"""Zed's threads."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.agents_logs.support import Odd, file, places, query
from tests.support.zstandard import zstd
from tokenguard.agents.logs import zed
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, Database, Sighting
from tokenguard.records import Context, Usage

AT = file("/home/ada/.local/share/zed/threads/threads.db")
TOKENS = {"input_tokens": 100, "output_tokens": 50, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 10}
USAGE = Usage(input=100, cache_read=900, cache_write_5m=10, output=50)
SOURCE = next(one for one in zed.sources(places()) if isinstance(one, Database))
OLD = "CREATE TABLE threads (id TEXT PRIMARY KEY, summary TEXT, updated_at TEXT, data_type TEXT, data BLOB)"


@pytest.fixture
def threads() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.execute(OLD)
    for column in ("parent_id", "folder_paths", "folder_paths_order", "created_at"):
        conn.execute(f"ALTER TABLE threads ADD COLUMN {column} TEXT")
    yield conn
    conn.close()


def thread(**more: object) -> dict[str, Any]:
    model = {"provider": "anthropic", "model": "claude-sonnet-4-5"}
    return {"title": "…", "messages": [], "version": "0.3.0", "cumulative_token_usage": TOKENS, "model": model, **more}


def put(
    conn: sqlite3.Connection,
    content: object,
    name: str = "t1",
    at: str = "2026-03-01T10:00:05.250+00:00",
    kind: str = "zstd",
    **more: str,
) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    values: dict[str, object] = {"id": name, "summary": "…", "updated_at": at, "data_type": kind, **more}
    values["data"] = zstd.compress(data) if kind == "zstd" and not isinstance(content, bytes) else data
    marks = ", ".join("?" * len(values))
    conn.execute(f"INSERT OR REPLACE INTO threads ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def test_a_thread_is_its_sums_at_its_last_change(threads: sqlite3.Connection) -> None:
    put(threads, thread(speed="fast"), folder_paths="/home/ada/web\n/home/ada/lib", folder_paths_order="0,1")
    (found,), _ = query(SOURCE, AT, threads)
    assert found.total == Sighting(
        key="t1",
        agent="zed",
        session="t1",
        at_us=1_772_359_205_250_000,
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=USAGE,
        folder="/home/ada/web",
        context=Context(speed="fast"),
    )


def test_only_threads_that_were_changed_are_looked_at_again_wherever_the_clock_went(
    threads: sqlite3.Connection,
) -> None:
    put(threads, thread())
    put(threads, thread(), "t2")
    found, state = query(SOURCE, AT, threads)
    assert [one.total.key for one in found] == ["t1", "t2"]
    assert query(SOURCE, AT, threads, state) == ([], state)
    put(threads, thread(cumulative_token_usage={"input_tokens": 300}), "t2", at="2026-02-01T10:00:00+00:00")
    (found,), later = query(SOURCE, AT, threads, state)
    assert (found.total.key, found.total.usage) == ("t2", Usage(input=300))
    threads.execute("DELETE FROM threads")
    assert query(SOURCE, AT, threads, later)[0] == []


def test_a_thread_that_grew_at_the_same_time_is_looked_at_again(threads: sqlite3.Connection) -> None:
    put(threads, thread(), kind="json")
    _, state = query(SOURCE, AT, threads)
    put(threads, thread(cumulative_token_usage={"input_tokens": 1_000_000}), kind="json")
    (found,), _ = query(SOURCE, AT, threads, state)
    assert found.total.usage == Usage(input=1_000_000)


def test_the_model_may_change_and_the_sums_go_on(threads: sqlite3.Connection) -> None:
    put(threads, thread())
    (before,), state = query(SOURCE, AT, threads)
    other = {"provider": "zed.dev", "model": "gpt-5"}
    put(threads, thread(model=other), at="2026-03-02T10:00:00+00:00")
    (after,), _ = query(SOURCE, AT, threads, state)
    assert before.total.key == after.total.key
    assert (after.total.provider, after.total.model) == ("openai", "gpt-5")


def test_a_model_on_this_machine_is_free(threads: sqlite3.Connection) -> None:
    put(threads, thread(model={"provider": "lmstudio", "model": "qwen3-8b"}))
    (found,), _ = query(SOURCE, AT, threads)
    assert found.total.stated_nanos == 0


def test_requests_are_summed_up_only_where_there_is_no_sum(threads: sqlite3.Connection) -> None:
    last = {"m1": {"input_tokens": 5}, "m2": {"output_tokens": 6}}
    put(threads, thread(request_token_usage=last))
    put(threads, thread(request_token_usage=last, cumulative_token_usage={}), "t2")
    put(threads, thread(request_token_usage=[{"input_tokens": 7}], cumulative_token_usage=None), "t3")
    found, _ = query(SOURCE, AT, threads)
    assert [one.total.usage for one in found] == [USAGE, Usage(input=5, output=6), Usage(input=7)]


def test_a_sub_agent_has_a_parent(threads: sqlite3.Connection) -> None:
    put(threads, thread(), "t2", parent_id="t1")
    put(threads, thread(subagent_context={"parent_thread_id": "t1", "depth": 1}), "t3")
    found, _ = query(SOURCE, AT, threads)
    assert [(one.total.parent, one.total.request_class) for one in found] == [("t1", "sub-agent")] * 2


def test_threads_of_older_versions_are_read(threads: sqlite3.Connection) -> None:
    tree = {"worktree_path": "/home/ada/web", "git_state": {"current_branch": "main", "diff": "…"}}
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(OLD)
        put(conn, thread(version="0.2.0", initial_project_snapshot={"worktree_snapshots": [tree]}), kind="json")
        (found,), _ = query(SOURCE, AT, conn)
    assert (found.total.usage, found.total.folder, found.total.branch) == (USAGE, "/home/ada/web", "main")


def test_what_cannot_be_unpacked_is_counted_and_the_others_are_read(
    threads: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zed, "_LARGEST", 1 << 16)
    whole = zstd.compress(json.dumps(thread()).encode())
    put(threads, whole[:4] + b"no zstd", "a")
    put(threads, whole[:-9], "b")
    put(threads, zstd.compress(b" " * (1 << 20)), "c")
    put(threads, b"\x08\x96\x01", "d", kind="protobuf")
    put(threads, b'{"cumulative', "e", kind="json")
    put(threads, thread(cumulative_token_usage={"input_tokens": -1, "output_tokens": 4}), "f")
    put(threads, thread(), "g", at="yesterday")
    put(threads, thread(cumulative_token_usage={}), "h")
    odd = Odd()
    found, _ = query(SOURCE, AT, threads, odd=odd)
    assert sorted(one.total.key for one in found) == ["f", "g"]
    assert odd.seen == [
        (DROPPED, "damaged"),
        (DROPPED, "damaged"),
        (DROPPED, "too-long"),
        (DROPPED, "unknown-data-type"),
        (DROPPED, "not-json"),
        (DOUBTFUL, "malformed"),
    ]


def test_a_row_beyond_what_is_read_leaves_the_others(threads: sqlite3.Connection) -> None:
    put(threads, b"x" * 5_000, "a")
    put(threads, thread(), "b")
    threads.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 4_000)
    odd = Odd()
    found, _ = query(SOURCE, AT, threads, odd=odd)
    assert ([one.total.key for one in found], odd.seen) == (["b"], [(DROPPED, "too-long")])


def test_its_folder_follows_the_system() -> None:
    roots = [str(source.root) for source in zed.sources(places(XDG_DATA_HOME="/srv/data"))]
    assert roots == ["/srv/data/zed/threads", "/home/ada/Library/Application Support/Zed/threads"]
