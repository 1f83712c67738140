"""Importing again and again: what is new comes in, what is there stays, and nothing comes twice."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.importing.hostile import AT_US, Home, answer, line
from tests.support.books import Books, by_token
from tests.support.zstandard import zstd
from tokenguard.errors import LedgerError
from tokenguard.importing import importer as importing
from tokenguard.importing import process, reading
from tokenguard.importing.importer import Importer, Progress
from tokenguard.importing.surveying import Plan
from tokenguard.ledger import Ledger
from tokenguard.records import Call, Charge, Leg

ROW = "log_key, session, started_us, model, input, output, cost_nanos, confidence, repo, request_class"


@pytest_asyncio.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    yield Home(tmp_path / "home", ledger, tmp_path / "ledger.db", monkeypatch)
    await ledger.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A transcript with two responses."""
    file = tmp_path / "home" / ".claude" / "projects" / "-web" / "s1.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(line(answer("a")) + line(answer("b")))
    return file


def write(file: Path, *values: Any) -> None:
    file.write_bytes(b"".join(map(line, values)))


def append(file: Path, *values: Any) -> None:
    with file.open("ab") as opened:
        opened.write(b"".join(map(line, values)))


def rollout(home: Path, name: str, *values: Any) -> Path:
    file = home / ".codex" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(map(line, values)))
    return file


def meta(thread: str, **more: Any) -> dict[str, Any]:
    payload = {"id": thread, "timestamp": "2026-03-01T10:00:00Z", **more}
    return {"timestamp": "2026-03-01T10:00:00Z", "type": "session_meta", "payload": payload}


def used(total: int, at: str = "2026-03-01T10:01:00Z") -> dict[str, Any]:
    counts = {"input_tokens": total, "output_tokens": 1, "total_tokens": total + 1}
    payload = {"type": "token_count", "info": {"total_token_usage": counts}}
    return {"timestamp": at, "type": "event_msg", "payload": payload}


async def test_only_what_was_appended_is_read(log: Path, home: Home) -> None:
    assert await home.read() == 1
    assert await home.read() == 0
    append(log, answer("c"))
    assert await home.read() == 1
    assert home.keys == ["a", "b", "c"]
    ((done, size),) = home.rows("done, size", "log_files")
    assert done == size == sum(len(line(answer(name))) for name in "abc")


async def test_a_file_that_shrank_or_was_written_anew_is_read_anew(log: Path, home: Home) -> None:
    await home.read()
    write(log, answer("x"))
    await home.read()
    write(log, answer("y"), *[answer("z")] * 3)
    await home.read()
    assert home.keys == ["a", "b", "x", "y", "z"]


async def test_a_file_of_which_the_middle_was_written_anew_is_read_anew(log: Path, home: Home) -> None:
    await home.read()
    write(log, answer("a"), answer("q"), answer("c"))
    await home.read()
    assert home.keys == ["a", "b", "c", "q"]


async def test_a_file_that_was_replaced_or_moved_adds_only_what_is_new(log: Path, home: Home) -> None:
    await home.read()
    os.rename(log, log.with_name("moved.jsonl"))
    fresh = log.with_name("fresh")
    fresh.write_bytes(line(answer("c")))
    os.replace(fresh, log)
    await home.read()
    assert home.keys == ["a", "b", "c"]


async def test_compressed_and_archived_rollouts_are_the_same_rows(home: Home) -> None:
    content = (meta("t1"), used(100), used(300))
    plain = rollout(home.home, "sessions/2026/03/01/rollout-2026-03-01T10-00-00-t1.jsonl", *content)
    await home.read()
    before = home.rows(ROW)
    packed = home.home / ".codex/archived_sessions/rollout-2026-03-01T10-00-00-t1.jsonl.zst"
    packed.parent.mkdir()
    packed.write_bytes(zstd.compress(plain.read_bytes()))
    plain.unlink()
    await home.read()
    assert home.rows(ROW) == before
    assert [row[4] for row in before] == [100, 200]
    assert await home.read() == 0


async def test_a_fork_knows_its_parent_from_this_import_and_from_earlier_ones(home: Home) -> None:
    rollout(home.home, "archived_sessions/rollout-2026-03-01T10-00-00-p.jsonl", meta("p"), used(100), used(300))
    later = "2026-03-01T12:00:00Z"
    fork = [used(100, later), used(300, later), used(350, later)]
    rollout(home.home, "sessions/2026/03/01/rollout-2026-03-01T11-00-00-c.jsonl", meta("c", forked_from_id="p"), *fork)
    await home.read()
    rollout(home.home, "sessions/2026/03/01/rollout-2026-03-01T11-30-00-d.jsonl", meta("d", forked_from_id="p"), *fork)
    await home.read()
    assert sorted(home.rows("session, input")) == [("codex:c", 50), ("codex:d", 50), ("codex:p", 100), ("codex:p", 200)]


async def test_a_rollout_goes_on_where_the_last_visit_ended(home: Home) -> None:
    file = rollout(home.home, "sessions/2026/03/01/rollout-2026-03-01T10-00-00-t1.jsonl", meta("t1"), used(100))
    await home.read()
    append(file, used(300), used(300))
    await home.read()
    assert home.rows("input") == [(100,), (200,)]


async def test_reading_everything_again_comes_to_the_same_rows(log: Path, home: Home) -> None:
    fork = log.with_name("fork.jsonl")
    fork.write_bytes(line(answer("a", sessionId="fork")) + line(answer("side", isSidechain=True)))
    rollout(home.home, "sessions/2026/03/01/rollout-2026-03-01T10-00-00-t1.jsonl", meta("t1"), used(100), used(90))
    await home.read()
    append(log, answer("b", output=900), answer("side"))
    await home.read()
    before = home.rows(ROW)
    await home.read(full=True)
    assert home.rows(ROW) == before
    assert len(before) == 5


async def test_a_process_of_its_own_comes_to_the_same_rows(
    log: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(log, *(answer(f"more-{number}") for number in range(600)))
    await home.read()
    before = home.rows(ROW)
    monkeypatch.setattr(importing, "ELSEWHERE", 0)
    other = Ledger.open(tmp_path / "other.db")
    told: list[Progress] = []
    importer = Importer(other, tmp_path / "other.db", Books())
    done = await importer.run(Plan({}, str(home.home)), told.append)
    assert (done.done, done.files, done.added, done.bytes_read) == (True, 1, 602, done.bytes)
    apart = Home(home.home, other, tmp_path / "other.db", monkeypatch)
    assert apart.rows(ROW) == before
    await asyncio.sleep(0)
    assert [one.added for one in told] == sorted(one.added for one in told)
    assert told[-1] == importer.progress == done
    await other.close()


async def test_what_is_read_here_goes_on_elsewhere_once_somebody_comes(
    log: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write(log.with_name(f"{number}.jsonl"), *(answer(f"{number}-{one}") for one in range(900)))
    await home.read()
    monkeypatch.setattr(importing, "ELSEWHERE", 1_000)
    monkeypatch.setattr(reading, "ALONE", reading.BATCH)
    apart: list[Plan] = []
    batches = process.batches

    def noted(plan: Plan, ledger: Path) -> Any:
        apart.append(plan)
        return batches(plan, ledger)

    monkeypatch.setattr(process, "batches", noted)
    other = Ledger.open(tmp_path / "other.db")
    importer = Importer(other, tmp_path / "other.db", Books(in_use=[False, False, False]))
    done = await importer.run(Plan({}, str(home.home)))
    assert len(apart) == 1
    assert (done.done, done.added) == (True, 3_602)
    assert Home(home.home, other, tmp_path / "other.db", monkeypatch).rows(ROW) == home.rows(ROW)
    await other.close()


@pytest.mark.parametrize(("in_use", "writes"), [(True, 3), (False, 1)])
async def test_more_is_written_at_once_where_nobody_waits(
    log: Path, home: Home, tmp_path: Path, in_use: bool, writes: int
) -> None:
    write(log, *(answer(f"{number}") for number in range(1_000)))
    written: list[int] = []

    class Counting(Books):
        def writing(self) -> None:
            written.append(1)

    ledger = Ledger.open(tmp_path / "other.db")
    done = await Importer(ledger, tmp_path / "other.db", Counting(in_use=[in_use] * 9)).run(Plan({}, str(home.home)))
    assert done.added == 1_000
    assert len(written) == writes + 1, "and once for what is noted of the files"
    await ledger.close()


@pytest.mark.parametrize(("large", "fails"), [(True, False), (True, True), (False, False)])
async def test_nobody_looks_for_cycles_in_much_that_is_read_and_afterwards_they_do(
    log: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool, fails: bool
) -> None:
    monkeypatch.setattr(importing, "ELSEWHERE", 1 if large else 1 << 20)
    looked: list[bool] = []

    def price(call: Call, leg: Leg) -> Charge:
        looked.append(gc.isenabled())
        if fails:
            raise ZeroDivisionError
        return by_token(call, leg)

    ledger = Ledger.open(tmp_path / "other.db")
    importer = Importer(ledger, tmp_path / "other.db", Books(price, in_use=[False] * 9))
    with pytest.raises(LedgerError) if fails else nullcontext():
        await importer.run(Plan({}, str(home.home)))
    assert looked and set(looked) == {not large}
    assert gc.isenabled()
    await ledger.close()


async def test_only_what_is_named_is_looked_at(log: Path, home: Home, tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "other.db")
    importer = Importer(ledger, tmp_path / "other.db", Books())
    other = log.parent.with_name("-other") / "s2.jsonl"
    other.parent.mkdir()
    other.write_bytes(line(answer("other")))
    for below, added in [((str(tmp_path / "elsewhere"),), 0), ((str(other),), 1), ((str(log.parent),), 2)]:
        assert (await importer.run(Plan({}, str(home.home), below=below))).added == added
    await ledger.close()


async def test_one_import_at_a_time_and_none_after_the_end(log: Path, home: Home, tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "other.db")
    books = Books()
    importer = Importer(ledger, tmp_path / "other.db", books)
    plan = Plan({}, str(home.home))
    both = await asyncio.gather(importer.run(plan), importer.run(plan))
    assert sorted(one.added for one in both) == [0, 2]
    assert [(call.started_us, amount.tokens, amount.calls) for call, amount in books.news] == [(AT_US, 1_040, 1)] * 2
    assert (books.open, books.reread) == (0, 0)
    append(log, answer("c"))
    importer.close()
    assert (await importer.run(plan)).added == 0
    await ledger.close()
