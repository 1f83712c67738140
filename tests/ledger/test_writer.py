from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tokenguard.errors import LedgerError
from tokenguard.ledger.file import File
from tokenguard.ledger.opening import open_for_writing
from tokenguard.ledger.writer import Writer

INSERT = "INSERT INTO raises (budget, key, amount, unit, reason, who, created_us) VALUES ('b', ?, 1, 'usd', ?, 'w', 1)"


def add(conn: sqlite3.Connection, name: str, reason: str = "") -> str:
    conn.execute(INSERT, (name, reason))
    return name


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as conn:
        return [row[0] for row in conn.execute("SELECT key FROM raises ORDER BY id")]


def hold(_: sqlite3.Connection, entered: threading.Event, release: threading.Event) -> None:
    """Keeps the thread busy, so that what is submitted meanwhile becomes one batch."""
    entered.set()
    release.wait()


class Held:
    """A writer whose thread waits inside its first batch until `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.conn, _ = open_for_writing(path, "normal")
        self.statements: list[str] = []
        self.conn.set_trace_callback(self.statements.append)
        self.writer = Writer(File(self.conn, path, "normal"))
        entered, self._release = threading.Event(), threading.Event()
        self.first = self.writer.submit(hold, entered, self._release)
        entered.wait()

    def release(self) -> None:
        self._release.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def test_what_waits_is_committed_together_and_in_order(path: Path) -> None:
    held = Held(path)
    futures = [held.writer.submit(add, f"{number}") for number in range(50)]
    held.release()
    results = [await future for future in futures]

    assert results == names(path) == [f"{number}" for number in range(50)]
    assert held.statements.count("COMMIT") == 2, "one for the batch that was held, one for all others"
    await held.writer.close()


async def test_a_bad_row_does_not_sink_its_neighbours(path: Path) -> None:
    def too_large(conn: sqlite3.Connection) -> None:
        add(conn, "half")
        conn.execute("SELECT ?", (2**64,))

    def refused_by_the_schema(conn: sqlite3.Connection) -> None:
        conn.execute("DELETE FROM raises")

    held = Held(path)
    before = held.writer.submit(add, "before")
    bad = held.writer.submit(too_large)
    between = held.writer.submit(add, "between")
    constrained = held.writer.submit(refused_by_the_schema)
    after = held.writer.submit(add, "after")
    held.release()

    assert [await before, await between, await after] == ["before", "between", "after"]
    with pytest.raises(LedgerError, match="cannot be written"):
        await bad
    with pytest.raises(LedgerError, match="append-only"):
        await constrained
    assert names(path) == ["before", "between", "after"], "nothing of a failed write stays, nothing is written twice"
    await held.writer.close()


async def test_a_full_disk_fails_what_does_not_fit_and_nothing_later(path: Path) -> None:
    conn, _ = open_for_writing(path, "normal")
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count = {pages + 3}")
    writer = Writer(File(conn, path, "normal"))

    with pytest.raises(LedgerError, match="full; free some disk space"):
        await writer.submit(add, "large", "x" * 100_000)
    assert await writer.submit(add, "small") == "small"
    assert names(path) == ["small"]
    await writer.close()


async def test_a_locked_file_fails_the_batch_at_once_and_heals(path: Path) -> None:
    held = Held(path)
    held.conn.execute("PRAGMA busy_timeout = 0")
    futures = [held.writer.submit(add, f"{number}") for number in range(3)]
    held.release()
    await held.first
    for future in futures:
        await future

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked; close the other program"):
            await held.writer.submit(add, "meanwhile")
        other.execute("COMMIT")

    assert await held.writer.submit(add, "later") == "later"
    assert names(path) == ["0", "1", "2", "later"]
    await held.writer.close()


async def test_whoever_stopped_waiting_is_passed_over(path: Path) -> None:
    held = Held(path)
    given_up, waiting = held.writer.submit(add, "given up"), held.writer.submit(add, "waiting")
    given_up.cancel()
    held.release()

    assert await waiting == "waiting"
    assert names(path) == ["given up", "waiting"]
    await held.writer.close()
