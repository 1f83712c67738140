"""Files where agents put them, with what stands beside them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from tests.importing.hostile import AT, AT_US, Home, line
from tests.support.zstandard import zstd
from tokenguard.ledger import Ledger

AT_S, AT_MS = AT_US // 1_000_000, AT_US // 1_000
COUNTS = {"inputOther": 100, "output": 40, "inputCacheRead": 900, "inputCacheCreation": 10}


@pytest_asyncio.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield Home(tmp_path / "home", ledger, tmp_path / "ledger.db", monkeypatch)
    await ledger.close()


@pytest.fixture
def repository(home: Home) -> Path:
    """A repository in which agents worked."""
    folder = home.home / "web"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return folder


def put(home: Home, path: str, content: object) -> None:
    """A file below the home: bytes, lines, or a document."""
    file = home.home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif isinstance(content, tuple):
        file.write_bytes(b"".join(line(one) for one in cast("tuple[object, ...]", content)))
    else:
        file.write_text(json.dumps(content))


def database(home: Home, path: str, *statements: tuple[str, tuple[Any, ...]]) -> None:
    file = home.home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as conn, conn:
        for sql, values in statements:
            conn.execute(sql, values)


async def test_kimi_cli(home: Home, repository: Path) -> None:
    project = hashlib.md5(str(repository).encode(), usedforsecurity=False).hexdigest()
    session = f".kimi/sessions/{project}/5d0c"
    tokens = {"input_other": 100, "output": 40, "input_cache_read": 900, "input_cache_creation": 10}

    def update(name: str) -> Any:
        return {"type": "StatusUpdate", "payload": {"token_usage": tokens, "message_id": name}}

    event = {"type": "SubagentEvent", "payload": {"agent_id": "ab", "subagent_type": "coder", "event": update("m2")}}
    put(home, ".kimi/kimi.json", {"work_dirs": [{"path": str(repository)}]})
    settings = b'default_model = "k"\n[models.k]\nprovider = "p"\nmodel = "kimi-k3"\n[providers.p]\ntype = "kimi"\n'
    put(home, ".kimi/config.toml", settings)
    put(
        home,
        f"{session}/wire.jsonl",
        (
            {"type": "metadata", "protocol_version": "1.1"},
            {"timestamp": AT_S, "message": update("m1")},
            {"timestamp": AT_S, "message": event},
        ),
    )
    put(home, f"{session}/subagents/ab/wire.jsonl", ({"timestamp": AT_S, "message": update("m2")},))
    put(home, f"{session}/subagents/ab/meta.json", {"subagent_type": "coder"})
    await home.read()
    assert home.rows("log_key, agent, model, agent_session, subagent, request_class, repo, output") == [
        ("m1", "kimi-cli", "kimi-k3", "5d0c", None, "main", str(repository), 40),
        ("m2", "kimi-cli", "kimi-k3", "5d0c", "ab", "sub-agent", str(repository), 40),
    ]
    assert home.odd == []


async def test_kimi_code_with_a_fork(home: Home, repository: Path) -> None:
    bucket = ".kimi-code/sessions/wd_web_0a1b2c3d4e5f"
    request = {"type": "llm.request", "time": AT_MS, "provider": "kimi", "model": "kimi-k3", "modelAlias": "k"}

    def record(at_ms: int) -> Any:
        return {"type": "usage.record", "time": at_ms, "model": "k", "usage": COUNTS, "usageScope": "turn"}

    state = {"createdAt": AT, "workDir": str(repository)}
    put(home, f"{bucket}/session_a/state.json", state)
    put(home, f"{bucket}/session_a/agents/main/wire.jsonl", (request, record(AT_MS + 10)))
    put(home, f"{bucket}/session_a/agents/agent_1/wire.jsonl", (request, record(AT_MS + 20)))
    put(home, f"{bucket}/session_b/state.json", {**state, "createdAt": AT_MS + 1_000, "forkedFrom": "session_a"})
    forked = (request, record(AT_MS + 10), {"type": "forked", "time": AT_MS + 1_000}, record(AT_MS + 2_000))
    put(home, f"{bucket}/session_b/agents/main/wire.jsonl", forked)
    await home.read()
    assert home.rows("log_key, agent_session, subagent, model, repo") == [
        ("session_a/agent_1/0", "session_a", "agent_1", "kimi-k3", str(repository)),
        ("session_a/main/0", "session_a", None, "kimi-k3", str(repository)),
        ("session_b/main/1", "session_b", None, "kimi-k3", str(repository)),
    ]
    assert home.odd == []


@pytest.mark.parametrize(
    ("agent", "folder"),
    [
        ("cline", ".config/Code/User/globalStorage/saoudrizwan.claude-dev"),
        ("cline", ".cline/data"),
        ("roo", ".config/VSCodium/User/globalStorage/rooveterinaryinc.roo-cline"),
        ("kilo", ".vscode-server/data/User/globalStorage/kilocode.kilo-code"),
    ],
)
async def test_tasks_of_editors(home: Home, repository: Path, agent: str, folder: str) -> None:
    counts = {"tokensIn": 100, "tokensOut": 50, "cacheReads": 900, "cacheWrites": 10, "cost": 0.0125}
    started = {"ts": AT_MS, "type": "say", "say": "api_req_started", "text": json.dumps({"request": "…"})}
    ended = {**started, "text": json.dumps({"request": "…", **counts})}
    used = {"ts": AT_MS - 5, "model_id": "claude-sonnet-4-5", "model_provider_id": "anthropic"}
    put(home, f"{folder}/tasks/t1/task_metadata.json", {"model_usage": [used]})
    put(home, f"{folder}/state/taskHistory.json", [{"id": "t1", "cwdOnTaskInitialization": str(repository)}])
    put(home, f"{folder}/tasks/t1/ui_messages.json", [started])
    await home.read()
    assert home.keys == []
    put(home, f"{folder}/tasks/t1/ui_messages.json", [ended])
    await home.read()
    put(home, f"{folder}/tasks/t1/ui_messages.json", [ended, {**started, "ts": AT_MS + 9}])
    await home.read()
    assert home.rows("log_key, agent, model, repo, input, cache_read, cache_write_5m, output, cost_nanos") == [
        (f"t1/{AT_MS}", agent, "claude-sonnet-4-5", str(repository), 100, 900, 10, 50, 12_500_000)
    ]
    assert home.odd == []


async def test_clines_command_line(home: Home, repository: Path) -> None:
    folder = ".cline/data/sessions/s1"
    metrics = {"inputTokens": 1_010, "outputTokens": 50, "cacheReadTokens": 900, "cacheWriteTokens": 10}
    session = {"session_id": "s1", "provider": "anthropic", "model": "claude-sonnet-4-5", "cwd": str(repository)}
    message = {"id": "m1", "role": "assistant", "ts": AT_MS, "metrics": metrics}
    put(home, f"{folder}/s1.json", {**session, "metadata": {"usage": metrics}})
    put(home, f"{folder}/s1.messages.json", {"messages": [{"id": "m0", "role": "user"}, message]})
    put(home, f"{folder}/s1.compaction.json", {"messages": [message]})
    await home.read()
    assert home.rows("log_key, model, repo, input, cache_read, cache_write_5m, output") == [
        ("s1/s1/m1", "claude-sonnet-4-5", str(repository), 100, 900, 10, 50)
    ]


async def test_zed_goose_and_droid(home: Home, repository: Path) -> None:
    tokens = {"input_tokens": 100, "output_tokens": 50}
    thread = {"cumulative_token_usage": tokens, "model": {"provider": "anthropic", "model": "claude-sonnet-4-5"}}
    columns = "id TEXT, updated_at TEXT, data_type TEXT, data BLOB, folder_paths TEXT"
    values = ("t1", AT, "zstd", zstd.compress(json.dumps(thread).encode()), str(repository))
    database(
        home,
        ".local/share/zed/threads/threads.db",
        (f"CREATE TABLE threads ({columns})", ()),
        ("INSERT INTO threads VALUES (?, ?, ?, ?, ?)", values),
    )
    columns = "id TEXT, working_dir TEXT, updated_at TEXT, accumulated_input_tokens INTEGER"
    database(
        home,
        ".local/share/goose/sessions/sessions.db",
        (f"CREATE TABLE sessions ({columns})", ()),
        ("INSERT INTO sessions VALUES (?, ?, '2026-03-01 10:00:05', 70)", ("g1", str(repository))),
    )
    folder = ".factory/sessions/-srv-web"
    put(home, f"{folder}/d1.jsonl", ({"type": "session_start", "id": "d1", "cwd": str(repository)},))
    put(home, f"{folder}/d1.settings.json", {"model": "gpt-5", "tokenUsage": {"inputTokens": 30}})
    await home.read()
    assert home.rows("log_key, agent, repo, input") == [
        ("d1#1", "droid", str(repository), 30),
        ("g1#1", "goose", str(repository), 70),
        ("t1#1", "zed", str(repository), 100),
    ]
    await home.read(full=True)
    assert len(home.keys) == 3
    assert home.odd == []
