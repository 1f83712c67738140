"""Files that nobody would write: each is counted, none stops the import of the others."""

from __future__ import annotations

import os
import random
import sqlite3
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.importing.hostile import AT, AT_US, Home, answer, line
from tests.support.zstandard import zstd
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, UNREADABLE
from tokenguard.importing import lines, reading
from tokenguard.ledger import Ledger

GOOD = line(answer("msg_good"))


@pytest_asyncio.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield Home(tmp_path / "home", ledger, tmp_path / "ledger.db", monkeypatch)
    await ledger.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Claude Code's folder of a project, in which one file is as it should be."""
    folder = tmp_path / "home" / ".claude" / "projects" / "-home-ada-web"
    folder.mkdir(parents=True)
    (folder / "good.jsonl").write_bytes(GOOD)
    return folder


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a path unreadable, for the superuser too."""
    closed: set[str] = set()

    def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(path: Any, *args: Any, **more: Any) -> Any:
            if str(path) in closed:
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *args, **more)

        return guarded

    monkeypatch.setattr("builtins.open", refusing(open))
    monkeypatch.setattr(os, "scandir", refusing(os.scandir))
    return lambda path: closed.add(str(path))


async def test_a_torn_tail_is_kept_for_the_next_time(project: Path, home: Home) -> None:
    torn, whole = project / "torn.jsonl", line(answer("msg_torn"))
    torn.write_bytes(line(answer("msg_before")) + whole[:90])
    await home.read()
    assert (home.keys, home.odd) == (["msg_before", "msg_good"], [])
    with torn.open("ab") as file:
        file.write(whole[90:])
    await home.read()
    assert (home.keys, home.odd) == (["msg_before", "msg_good", "msg_torn"], [])


async def test_a_line_that_lacks_only_its_break_counts_at_once_and_once(project: Path, home: Home) -> None:
    torn = project / "torn.jsonl"
    torn.write_bytes(line(answer("msg_torn"))[:-1])
    await home.read()
    assert home.keys == ["msg_good", "msg_torn"]
    with torn.open("ab") as file:
        file.write(b"\n" + line(answer("msg_next")))
    await home.read()
    assert home.keys == ["msg_good", "msg_next", "msg_torn"]


async def test_torn_lines_between_others_are_counted(project: Path, home: Home) -> None:
    half = GOOD[: GOOD.index(b"cache_read")]
    marked = b"\xef\xbb\xbf" + line(answer("c"))
    crashed = (
        line(answer("a")) + half + b"\n" + b"\0" * 4_096 + line(answer("b")) + marked + b"\r\n" + line(answer("d"))
    )
    (project / "crashed.jsonl").write_bytes(crashed)
    await home.read()
    assert home.keys == ["a", "b", "c", "d", "msg_good"]
    assert home.odd == [("crashed.jsonl", DROPPED, "not-json", 1)]


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 70_000,
        b"\x7fELF" + b"\0\1" * 2_000,
        bytes(range(256)) * 64,
        random.Random(5).randbytes(300),
        zlib.compress(GOOD * 50),
        GOOD.decode().encode("utf-16"),
        GOOD.decode().encode("utf-16-be"),
    ],
)
async def test_a_binary_file_is_not_read_again_until_it_changes(project: Path, home: Home, content: bytes) -> None:
    (project / "core.jsonl").write_bytes(content)
    await home.read()
    assert home.keys == ["msg_good"]
    assert home.odd == [("core.jsonl", UNREADABLE, "binary", 1)]
    assert await home.read() == 0


@pytest.mark.parametrize(
    "before", ["Übergrößenträger: 変更\n".encode() * 30, b"\xe9t\xe9 \x1b[31mred\x1b[0m\n" * 20, b"\0" * 5_000]
)
async def test_text_that_is_no_json_is_no_binary_file(project: Path, home: Home, before: bytes) -> None:
    (project / "odd.jsonl").write_bytes(before + line(answer("msg_odd")))
    await home.read()
    assert home.keys == ["msg_good", "msg_odd"]
    assert home.odd == []


async def test_a_gigantic_line_is_left_out_and_what_follows_is_read(
    project: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 1 << 16)
    monkeypatch.setattr(lines, "CHUNK", 1 << 12)
    long = line(answer("msg_long", toolUseResult="x" * (1 << 18)))
    big = project / "big.jsonl"
    big.write_bytes(line(answer("a")) + long + line(answer("b")) + long[:-1])
    await home.read()
    assert home.keys == ["a", "b", "msg_good"]
    assert home.odd == [("big.jsonl", DROPPED, "too-long", 2)]
    with big.open("ab") as file:
        file.write(b"\n" + line(answer("c")))
    await home.read()
    assert home.keys == ["a", "b", "c", "msg_good"]


async def test_a_single_line_of_200_mb_leaves_those_around_it(project: Path, home: Home) -> None:
    with (project / "sparse.jsonl").open("wb") as file:
        file.write(line(answer("first")))
        file.seek(200 << 20)
        file.write(b"\n" + line(answer("last")))
    await home.read()
    assert home.keys == ["first", "last", "msg_good"]
    assert home.odd == [("sparse.jsonl", DROPPED, "too-long", 1)]


@pytest.mark.parametrize("damage", ["garbage", "torn", "empty"])
async def test_a_compressed_file_that_is_damaged_shows_what_can_be_unpacked(home: Home, damage: str) -> None:
    folder = home.home / ".codex" / "sessions" / "2026" / "03" / "01"
    folder.mkdir(parents=True)
    packed = zstd.compress(b"".join(rollout(f"r{number}") for number in range(20_000)))
    half = packed[: len(packed) // 2]
    content = {"garbage": b"(\xb5/\xfd" + b"\x93" * 999, "torn": half, "empty": b""}[damage]
    (folder / "rollout-2026-03-01T10-00-00-a.jsonl.zst").write_bytes(content)
    (folder / "rollout-2026-03-01T11-00-00-b.jsonl").write_bytes(rollout("good"))
    await home.read()
    assert any(key.endswith("good") for key in home.keys)
    assert (len(home.keys) > 1) is (damage == "torn")
    assert {kind for _, kind, *_ in home.odd} == {UNREADABLE}
    assert await home.read() == 0


async def test_a_small_file_that_unpacks_to_a_gigantic_one_is_read_in_pieces(home: Home) -> None:
    folder = home.home / ".codex" / "archived_sessions"
    folder.mkdir(parents=True)
    packer = zstd.ZstdCompressor()
    parts = [packer.compress(rollout("first")), *(packer.compress(bytes(1 << 20)) for _ in range(100))]
    last = packer.compress(b"\n" + rollout("last")) + packer.flush()
    (folder / "rollout-2026-03-01T10-00-00-a.jsonl.zst").write_bytes(b"".join([*parts, last]))
    await home.read()
    assert len(home.keys) == 2
    assert [what for _, *what in home.odd] == [[DROPPED, "too-long", 1]]


async def test_a_gigantic_document_is_looked_at_again_only_when_it_changed(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_DOCUMENT_MOST", 1 << 12)
    sessions = tmp_path / "home" / ".factory" / "sessions"
    sessions.mkdir(parents=True)
    (sessions / "a.settings.json").write_bytes(b'{"tokenUsage": {"inputTokens": 5}}')
    (sessions / "b.settings.json").write_bytes(b" " * (1 << 13) + b"{}")
    await home.read()
    assert (home.keys, home.odd) == (["a#1"], [("b.settings.json", UNREADABLE, "too-long", 1)])
    assert await home.read() == 0
    assert home.odd == [("b.settings.json", UNREADABLE, "too-long", 1)]


async def test_a_file_that_may_not_be_read_is_counted_once_until_it_may(
    project: Path, home: Home, refuse: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = project / "secret.jsonl"
    secret.write_bytes(line(answer("secret")))
    refuse(secret)
    for _ in range(2):
        await home.read()
        assert (home.keys, home.odd) == (["msg_good"], [("secret.jsonl", UNREADABLE, "eacces", 1)])
    monkeypatch.undo()
    await home.read()
    assert (home.keys, home.odd) == (["msg_good", "secret"], [])


async def test_a_folder_that_may_not_be_read_is_counted_once_until_it_may(
    project: Path, home: Home, refuse: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = project.parent / "-root"
    locked.mkdir()
    refuse(locked)
    for _ in range(2):
        await home.read()
        assert (home.keys, home.odd) == (["msg_good"], [("-root", UNREADABLE, "eacces", 1)])
    monkeypatch.undo()
    (locked / "a.jsonl").write_bytes(line(answer("a")))
    await home.read()
    assert (home.keys, home.odd) == (["a", "msg_good"], [])


async def test_links_in_circles_end_and_a_file_by_two_names_is_one(project: Path, home: Home) -> None:
    (project / "round").symlink_to(project.parent, target_is_directory=True)
    (project / "self.jsonl").symlink_to(project / "self.jsonl")
    (project / "nowhere.jsonl").symlink_to(project / "gone.jsonl")
    (project / "twice.jsonl").symlink_to(project / "good.jsonl")
    os.link(project / "good.jsonl", project / "thrice.jsonl")
    assert await home.read() == 1
    assert home.keys == ["msg_good"]
    assert {(kind, detail) for _, kind, detail, _ in home.odd} == {(UNREADABLE, "symlink-loop")}


@pytest.mark.parametrize("above", ["/", "..", "../..", "../../.."])
async def test_a_link_to_what_the_folder_is_in_is_not_followed(project: Path, home: Home, above: str) -> None:
    aside = home.home / ".claude" / "aside" / "a.jsonl"
    aside.parent.mkdir()
    aside.write_bytes(line(answer("aside")))
    (project / "up").symlink_to(above, target_is_directory=True)
    await home.read()
    assert (home.keys, home.odd) == (["msg_good"], [("up", UNREADABLE, "symlink-loop", 1)])


async def test_files_that_vanish_before_they_are_read_are_counted(project: Path, home: Home) -> None:
    gone = project / "gone.jsonl"
    gone.write_bytes(line(answer("gone")))
    await home.read(gone.unlink)
    assert (home.keys, home.odd) == (["msg_good"], [("gone.jsonl", UNREADABLE, "enoent", 1)])
    (project / "good.jsonl").write_bytes(GOOD + line(answer("more")))
    await home.read()
    assert (home.keys, home.odd) == (["more", "msg_good"], [])


async def test_rows_stay_when_their_files_vanish_and_everything_is_read_again(project: Path, home: Home) -> None:
    def vanish() -> None:
        (project / "good.jsonl").unlink()
        project.rmdir()

    other = project.parent / "-srv"
    other.mkdir()
    (other / "a.jsonl").write_bytes(line(answer("a")))
    await home.read()
    await home.read(vanish, full=True)
    await home.read(full=True)
    assert home.keys == ["a", "msg_good"]


async def test_what_is_no_file_is_not_opened(project: Path, home: Home) -> None:
    os.mkfifo(project / "pipe.jsonl")
    (project / "folder.jsonl").mkdir()
    (project / "zero.jsonl").symlink_to("/dev/zero")
    await home.read()
    assert (home.keys, home.odd) == (["msg_good"], [])


async def test_a_clock_that_is_ahead_stands_back_to_the_time_of_the_file(project: Path, home: Home) -> None:
    ahead, late = project / "ahead.jsonl", project / "late.jsonl"
    ahead.write_bytes(line(answer("ahead", at="2038-01-01T00:00:00Z")))
    late.write_bytes(line(answer("late", at="9999-12-31T23:59:59.999Z")))
    os.utime(ahead, (AT_US / 1e6, AT_US / 1e6))
    os.utime(late, (4e9, 4e9))
    before_us = time.time_ns() // 1_000
    await home.read()
    at = dict(home.rows("log_key, started_us"))
    assert at["ahead"] == AT_US
    assert before_us <= at["late"] <= time.time_ns() // 1_000
    assert home.odd == [("ahead.jsonl", DOUBTFUL, "clock-ahead", 1), ("late.jsonl", DOUBTFUL, "clock-ahead", 1)]


@pytest.mark.parametrize("at", ["yesterday", "1969-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", ""])
async def test_a_time_that_is_none_is_that_of_the_file(project: Path, home: Home, at: str) -> None:
    file = project / "undated.jsonl"
    file.write_bytes(line(answer("undated", at=at)))
    os.utime(file, (AT_US / 1e6, AT_US / 1e6))
    await home.read()
    assert dict(home.rows("log_key, started_us"))["undated"] == AT_US
    assert home.odd == [("undated.jsonl", DOUBTFUL, "no-time", 1)]


@pytest.mark.parametrize("count", [-1, 1 << 70, 1e300, "many", [], {}])
async def test_a_count_that_is_none_counts_nothing(project: Path, home: Home, count: object) -> None:
    (project / "odd.jsonl").write_bytes(line(answer("odd", output=count)))
    await home.read()
    assert home.rows("log_key, input, cache_read, output") == [("msg_good", 100, 900, 40), ("odd", 100, 900, 0)]
    assert home.odd == [("odd.jsonl", DOUBTFUL, "malformed", 1)]


@pytest.mark.parametrize("count", [1 << 37, 1 << 53])
async def test_a_count_beyond_reason_stops_nothing(project: Path, home: Home, count: int) -> None:
    usage = {"input_tokens": 1, "server_tool_use": {"web_search_requests": count}}
    searched = line({**answer(), "message": {"id": "searched", "model": "claude-opus-4-5", "usage": usage}})
    (project / "odd.jsonl").write_bytes(line(answer("odd", output=count)) + searched)
    await home.read()
    assert home.keys == ["msg_good"]
    assert home.odd == [("odd.jsonl", DROPPED, "beyond-reason", 2)]


async def test_names_that_are_no_text_are_no_obstacle(project: Path, home: Home) -> None:
    (project / os.fsdecode(b"\xff.jsonl")).write_bytes(line(answer("raw")))
    lone = line(answer("lone", cwd="/home/ada/\ud800web", gitBranch="\udfff", sessionId="\ud800", requestId="\ud800"))
    (project / "lone.jsonl").write_bytes(lone)
    (project / "nul.jsonl").write_bytes(line(answer("nul\0", cwd="/home\0", sessionId="\0")))
    await home.read()
    assert home.keys == ["lone", "msg_good", "nul\0"]
    assert home.odd == [("?.jsonl", UNREADABLE, "name", 1), ("lone.jsonl", DOUBTFUL, "malformed", 1)]
    assert await home.read() == 0


async def test_a_database_that_is_none_is_counted(project: Path, home: Home) -> None:
    threads, sessions = home.home / ".local/share/zed/threads", home.home / ".local/share/goose/sessions"
    threads.mkdir(parents=True)
    sessions.mkdir(parents=True)
    (threads / "threads.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    (sessions / "sessions.db").write_bytes(b"")
    await home.read()
    assert home.keys == ["msg_good"]
    assert [(name, kind) for name, kind, *_ in home.odd] == [("sessions.db", UNREADABLE), ("threads.db", UNREADABLE)]


async def test_a_database_that_somebody_holds_is_counted_and_read_later(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenguard.importing.databases._BUSY_S", 0.0)
    with closing(goose(home.home)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        await home.read()
        assert (home.keys, home.odd) == ([], [("sessions.db", UNREADABLE, "sqlite_busy", 1)])
        writer.execute("COMMIT")
        await home.read()
        assert (home.keys, home.odd) == (["s1#1"], [])


async def test_text_in_a_database_that_is_none_leaves_the_rest(home: Home) -> None:
    with closing(goose(home.home)) as writer:
        writer.execute("INSERT INTO sessions SELECT 's2', CAST(x'2fff' AS TEXT), updated_at, 5 FROM sessions")
        await home.read()
        assert home.keys == ["s1#1", "s2#1"]


@pytest.mark.parametrize("running", [True, False])
async def test_a_database_and_its_log_are_left_as_they_are(home: Home, running: bool) -> None:
    with closing(goose(home.home)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE sessions SET accumulated_input_tokens = 20")
        if not running:
            writer.close()
        folder = home.home / ".local/share/goose/sessions"
        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".db-shm"}
        await home.read()
        assert home.rows("log_key, input") == [("s1#1", 20)]
        assert {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".db-shm"} == before


def rollout(response: str) -> bytes:
    usage = {"input_tokens": 100, "output_tokens": 40, "total_tokens": 140}
    return line({"timestamp": AT, "type": "token_usage_record", "payload": {"response_id": response, "usage": usage}})


def goose(home: Path) -> sqlite3.Connection:
    folder = home / ".local/share/goose/sessions"
    folder.mkdir(parents=True)
    conn = sqlite3.connect(folder / "sessions.db", isolation_level=None)
    conn.execute("CREATE TABLE sessions (id TEXT, working_dir TEXT, updated_at TEXT, accumulated_input_tokens INTEGER)")
    conn.execute("INSERT INTO sessions VALUES ('s1', '/home/ada/web', '2026-03-01 10:00:05', 10)")
    return conn
