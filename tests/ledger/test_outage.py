"""What happens while the file cannot be written, and when it proves corrupt in use."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from msgspec.structs import replace

from tests.ledger.support import START_US, call, session, settlement
from tests.support.waiting import until
from tokenguard.errors import LedgerError
from tokenguard.ledger import Decision, Ledger, Raise, agreement, file, opening, queries, writer
from tokenguard.ledger import outage as outages
from tokenguard.policy.estimate import Experience
from tokenguard.records import Amount, Unit, Verdict

RESERVED = Amount(nanos=5_000, tokens=70, calls=1)
RAISE = Raise("day", "", 5, Unit.USD, "more", "somebody", START_US, START_US + 10)


class Outage(Protocol):
    """A reason why the ledger cannot be written."""

    async def begin(self) -> None: ...
    async def end(self) -> None: ...


class Locked:
    """Another program holds it."""

    def __init__(self, ledger: Ledger, path: Path) -> None:
        self._conn = sqlite3.connect(path, isolation_level=None)

    async def begin(self) -> None:
        self._conn.execute("BEGIN IMMEDIATE")

    async def end(self) -> None:
        self._conn.close()


class Full:
    """The disk is full: no page can be added."""

    def __init__(self, ledger: Ledger, path: Path) -> None:
        self._ledger = ledger

    async def begin(self) -> None:
        await self._at_most(1)
        # Until the last page of each table is full.
        with pytest.raises(LedgerError, match="free some disk space"):
            for _ in range(1_000):
                await self._ledger.raise_budget(Raise("", "", 1, Unit.USD, "", "", 1, 1))
        with pytest.raises(LedgerError, match="free some disk space"):
            for number in range(10_000, 11_000):
                await self._ledger.reserve(call(number, session=""), RESERVED)

    async def end(self) -> None:
        await self._at_most(10**6)

    async def _at_most(self, pages: int) -> None:
        # A limit on pages holds for the connection that sets it: the writer's own.
        await self._ledger._writer.submit(limit_pages, pages)  # pyright: ignore[reportPrivateUsage]


def limit_pages(conn: sqlite3.Connection, pages: int) -> None:
    conn.execute(f"PRAGMA max_page_count = {pages}")


async def eventually(what: Callable[[], object]) -> None:
    await asyncio.to_thread(until, what)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest_asyncio.fixture
async def ledger(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ledger]:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    monkeypatch.setattr(outages, "CALM_S", 1.0)
    monkeypatch.setattr(opening, "BUSY_MS", 20)
    opened = Ledger.open(path)
    yield opened
    await opened.close()


@pytest.fixture(params=[Full, Locked])
def outage(ledger: Ledger, path: Path, request: pytest.FixtureRequest) -> Outage:
    made: Outage = request.param(ledger, path)
    return made


async def test_what_is_settled_meanwhile_is_written_when_it_can_be(ledger: Ledger, outage: Outage) -> None:
    for number in range(1, 20):
        await ledger.reserve(call(number), RESERVED)
    await outage.begin()
    settled = [ledger.settle(settlement(call(number), number)) for number in range(1, 40)]
    await eventually(lambda: ledger.kept)
    assert isinstance(ledger.failing, LedgerError)
    with pytest.raises(LedgerError, match=r"free some disk space|close the other program"):
        await ledger.reserve(call(50), RESERVED)

    await outage.end()
    await asyncio.gather(*settled)
    await eventually(lambda: not ledger.failing)
    assert queries.totals(ledger.read()).cost_nanos == sum(range(1, 40))
    assert [of.id for of, _ in queries.open_reservations(ledger.read()) if of.id < 1_000] == []
    assert agreement.agrees_as_a_whole(ledger.read())


async def test_an_outage_is_told_once_and_so_is_its_end(
    ledger: Ledger, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bool] = []
    ledger.notify(lambda: seen.append(ledger.failing is not None))
    await outage.begin()
    settled = [ledger.settle(settlement(call(number))) for number in range(1, 100)]
    await eventually(lambda: ledger.failing)
    for number in range(100, 110):
        with pytest.raises(LedgerError):
            await ledger.reserve(call(number), RESERVED)
    await outage.end()
    await asyncio.gather(*settled)
    await eventually(lambda: len(seen) == 2)
    assert seen == [True, False]
    begun, ended = caplog.messages
    assert begun.endswith(". What is settled is kept in memory until it can be written")
    assert ended == "the ledger can be written again"


async def test_the_end_of_an_outage_is_noticed_without_anything_to_write(ledger: Ledger, path: Path) -> None:
    lock = Locked(ledger, path)
    await lock.begin()
    with pytest.raises(LedgerError):
        await ledger.reserve(call(1), RESERVED)
    await eventually(lambda: ledger.failing)
    await lock.end()
    await eventually(lambda: not ledger.failing)


async def test_who_needs_not_wait_does_not_and_the_order_stays(ledger: Ledger, outage: Outage) -> None:
    await ledger.reserve(call(1), RESERVED)
    await outage.begin()
    # Larger than a page: there may be room left for a row in one that is there.
    settled = ledger.settle(replace(settlement(call(1)), response_id="msg_" * 2_000))
    await ledger.open_session(session("a"), b"token")
    await ledger.set_pid("a", 42)
    await ledger.end_session("a", START_US + 9, 0)
    await ledger.decide(Decision(START_US, "deny", "somebody", reason="no"))
    await ledger.learn("anthropic", "opus", True, Experience())
    await ledger.refuse(call(2), Verdict("refuse", "day", "used up"))
    assert await ledger.presume(START_US) == []
    assert await ledger.audit() == 0
    with pytest.raises(LedgerError):
        await ledger.raise_budget(RAISE)
    assert not settled.done()

    await outage.end()
    await settled
    await eventually(lambda: not ledger.kept)
    (found,) = queries.sessions(ledger.read(), ["a"])
    assert (found.pid, found.ended_us, found.exit_code) == (42, START_US + 9, 0)
    assert [decision.reason for decision in queries.decisions(ledger.read())] == ["no"]


async def test_memory_is_bounded(ledger: Ledger, outage: Outage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "KEPT_MOST", 5)
    await outage.begin()
    with pytest.raises(LedgerError):
        await ledger.raise_budget(RAISE)
    settled = [ledger.settle(settlement(call(number))) for number in range(1, 9)]
    await eventually(lambda: settled[-1].done())
    assert [future.done() for future in settled] == [False] * 5 + [True] * 3
    assert isinstance(settled[-1].exception(), LedgerError)

    await outage.end()
    await asyncio.gather(*settled[:5])
    assert queries.totals(ledger.read()).calls == 5
    for future in settled[5:]:
        future.exception()


async def test_what_is_kept_when_the_daemon_ends_is_told_to_be_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(opening, "BUSY_MS", 20)
    ledger = Ledger.open(path)
    await ledger.reserve(call(1), RESERVED)
    lock = Locked(ledger, path)
    await lock.begin()
    settled = ledger.settle(settlement(call(1)))
    await ledger.close()
    await lock.end()
    assert isinstance(settled.exception(), LedgerError)
    assert caplog.messages[-1] == "1 writes to the ledger were kept for too long and are lost"
    with closing(queries.connect_readonly(path)) as conn:
        assert [of.id for of, _ in queries.open_reservations(conn)] == [1], "it is charged at its bound later"


def damage(path: Path, table: str) -> None:
    """Overwrite the root page of a table."""
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    with path.open("r+b") as opened:
        opened.seek((page - 1) * 4096)
        opened.write(b"\xff" * 4096)


def aside(path: Path) -> list[str]:
    names = ["ledger.db", "ledger.db-shm", "ledger.db-wal"]
    return sorted(name for name in os.listdir(path.parent) if name not in names)


async def in_use(ledger: Ledger) -> None:
    """Something of everything that goes on."""
    await ledger.open_session(session("a"), b"token")
    await ledger.open_session(session("over"), b"other")
    await ledger.end_session("over", START_US, 0)
    await ledger.raise_budget(RAISE)
    await ledger.reserve(call(1), RESERVED)
    await ledger.settle(settlement(call(2)))


@pytest.mark.parametrize("table", ["legs", "rollups", "calls"])
async def test_a_file_that_proves_corrupt_is_set_aside_and_work_goes_on(
    ledger: Ledger, path: Path, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    await in_use(ledger)
    assert queries.totals(ledger.read()).calls == 1
    changes: list[Path | None] = []
    ledger.notify(lambda: changes.append(ledger.set_aside))
    damage(path, table)

    await ledger.settle(settlement(call(3), 30))
    assert ledger.failing is None
    kept = ledger.set_aside
    assert kept is not None
    assert changes == [kept]
    assert caplog.messages == [f"the ledger was damaged; it is kept as {kept}, and a new one begins"]
    assert set(aside(path)) <= {kept.name, f"{kept.name}-wal"}
    assert kept.stat().st_size > 10 * 4096, "nothing is deleted"
    conn = ledger.read()
    assert queries.totals(conn).cost_nanos == 30
    assert [found.id for found in queries.running_sessions(conn)] == ["a"]
    assert queries.session_by_token(conn, b"token") is not None
    assert queries.raises(conn, START_US) == [RAISE]
    if table != "calls":
        assert [of.id for of, _ in queries.open_reservations(conn)] == [1]
    await ledger.settle(settlement(call(1), 10))
    assert queries.totals(conn).cost_nanos == 40


async def test_it_waits_in_memory_until_a_new_file_can_begin(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_use(ledger)
    damage(path, "legs")
    attempts: list[Path] = []

    def no_room(path: Path, *rest: object) -> sqlite3.Connection:
        attempts.append(path)
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(file, "begin_anew", no_room)
        settled = ledger.settle(settlement(call(3), 30))
        await eventually(lambda: len(attempts) > 2)
        assert not settled.done()
        assert "free some disk space" in str(ledger.failing)
    await settled
    assert len([name for name in aside(path) if not name.endswith("-wal")]) == 1, "it is set aside once"
    assert queries.totals(ledger.read()).cost_nanos == 30
    assert [found.id for found in queries.running_sessions(ledger.read())] == ["a"]


async def test_a_disk_that_spoils_every_file_is_an_outage(ledger: Ledger, path: Path) -> None:
    await in_use(ledger)
    damage(path, "legs")
    await ledger.settle(settlement(call(3), 30))
    damage(path, "legs")
    settled = ledger.settle(settlement(call(4), 40))
    await eventually(lambda: ledger.failing)
    assert not settled.done()
    assert len([name for name in aside(path) if not name.endswith("-wal")]) == 1, "not one file after the other"
    settled.cancel()


async def test_a_question_that_meets_damage_makes_the_next_opening_look_closely(ledger: Ledger, path: Path) -> None:
    await in_use(ledger)
    await ledger.close()
    damage(path, "sessions")
    reading = Ledger.open(path)
    assert reading.set_aside is None, "no opening reads everything"
    with pytest.raises(LedgerError, match="restart the daemon"):
        queries.recent_sessions(reading.read(), 5)
    await reading.close()
    again = Ledger.open(path)
    assert again.set_aside is not None
    await again.close()
