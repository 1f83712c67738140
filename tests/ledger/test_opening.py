from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.ledger.support import call, session, settlement
from tests.support import connections
from tokenguard.errors import LedgerError
from tokenguard.ledger import Ledger, queries
from tokenguard.ledger.failures import marker, suspect
from tokenguard.ledger.opening import open_for_writing
from tokenguard.records import Amount

GARBAGE = b"not a database at all" * 1_000
FILES = ["ledger.db", "ledger.db-shm", "ledger.db-wal"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def filled(path: Path, calls: int = 200) -> None:
    ledger = Ledger.open(path)
    for number in range(1, calls + 1):
        await ledger.settle(settlement(call(number)))
    await ledger.close()


def damage(path: Path, at: int, data: bytes) -> None:
    path.touch()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def page_of(path: Path, table: str) -> int:
    """Where the root page of a table begins."""
    with closing(sqlite3.connect(path)) as conn:
        page: int = conn.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    return (page - 1) * 4096


def content(path: Path) -> bytes:
    return path.read_bytes()


def aside(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path.parent) if name not in FILES)


async def test_a_file_that_is_no_database_is_set_aside(path: Path) -> None:
    damage(path, 0, GARBAGE)

    ledger = Ledger.open(path)
    kept = ledger.set_aside
    assert kept is not None
    assert aside(path) == [kept.name]
    assert kept.name.startswith("ledger.db.corrupt-2")
    assert content(kept) == GARBAGE, "nothing is deleted"
    await ledger.settle(settlement(call(1)))
    assert queries.totals(ledger.read()).calls == 1
    await ledger.close()
    again = Ledger.open(path)
    assert again.set_aside is None, "the new one is sound"
    await again.close()


@pytest.mark.parametrize("keep", [0.5, 0.9])
async def test_a_truncated_ledger_is_set_aside(path: Path, keep: float) -> None:
    await filled(path)
    os.truncate(path, int(len(content(path)) * keep))

    ledger = Ledger.open(path)
    assert ledger.set_aside is not None
    assert aside(path) == [ledger.set_aside.name]
    assert ledger.next_call_id == 1
    await ledger.close()


async def test_a_log_that_somebody_reads_goes_with_its_file(path: Path) -> None:
    await filled(path)
    reader = sqlite3.connect(path)
    with reader:
        reader.execute(
            "INSERT INTO sessions (id, agent, started_us, labels, upstreams) VALUES ('a', 'b', 1, '[]', '[]')"
        )
    log, shared = content(path.with_name("ledger.db-wal")), os.stat(f"{path}-shm").st_ino
    damage(path, page_of(path, "calls"), b"\xff" * 4096)

    ledger = Ledger.open(path)
    kept = ledger.set_aside
    assert kept is not None
    assert aside(path) == [kept.name, f"{kept.name}-wal"]
    assert content(kept.with_name(f"{kept.name}-wal")) == log
    assert os.stat(f"{path}-shm").st_ino != shared, "the old file's reader has no part in the new one"
    reader.close()
    await ledger.settle(settlement(call(1)))
    assert queries.totals(ledger.read()).calls == 1
    await ledger.close()


async def test_what_goes_on_goes_on_in_the_new_one(path: Path) -> None:
    await filled(path)
    ledger = Ledger.open(path)
    await ledger.open_session(session("a"), b"token")
    await ledger.reserve(call(900), Amount(5, 6, 1))
    await ledger.close()
    damage(path, page_of(path, "rollups"), b"\xff" * 4096)

    ledger = Ledger.open(path)
    assert ledger.set_aside is not None
    assert queries.session_by_token(ledger.read(), b"token") == session("a")
    assert [(of.id, amount) for of, amount in ledger.open_calls()] == [(900, Amount(5, 6, 1))]
    assert ledger.next_call_id == 901
    await ledger.close()


async def test_a_suspect_ledger_is_checked_page_by_page(path: Path) -> None:
    await filled(path)
    damage(path, page_of(path, "sessions"), b"\xff" * 4096)

    ledger = Ledger.open(path)
    assert ledger.set_aside is None, "no opening reads everything"
    await ledger.close()

    suspect(path)
    ledger = Ledger.open(path)
    assert ledger.set_aside is not None
    await ledger.open_session(session("a"), None)
    await ledger.close()
    assert aside(path) == [ledger.set_aside.name]


async def test_a_false_alarm_costs_one_check(path: Path) -> None:
    await filled(path)
    suspect(path)

    ledger = Ledger.open(path)
    assert ledger.set_aside is None
    assert queries.totals(ledger.read()).calls == 200
    await ledger.close()
    assert aside(path) == []


def test_an_empty_file_is_a_new_ledger(path: Path) -> None:
    path.touch(mode=0o644)
    conn, set_aside = open_for_writing(path, "normal")
    conn.close()
    assert set_aside is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_opened_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="opened at .*nowhere.*check that its folder exists"):
        Ledger.open(tmp_path / "nowhere" / "ledger.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(LedgerError, match="opened at .*folder.db"):
        Ledger.open(tmp_path / "folder.db")
    assert (tmp_path / "folder.db").is_dir()


def test_a_suspicion_that_cannot_be_lifted_leaves_nothing_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker(path).mkdir()
    made = connections.noted(monkeypatch)
    with pytest.raises(LedgerError, match=r"ledger\.db-suspect cannot be deleted: .*; delete it yourself"):
        open_for_writing(path, "normal")
    assert [connections.is_closed(conn) for conn in made] == [True]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LedgerError, match="writable"):
        Ledger.open(tmp_path / "ledger.db")
    tmp_path.chmod(0o700)


def test_a_sound_file_that_is_no_ledger_is_left_where_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE calls (number TEXT)")

    with pytest.raises(LedgerError, match="table calls already exists"):
        Ledger.open(path)
    assert aside(path) == []
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM calls").fetchone() == (0,)


def test_durability_full_waits_for_the_disk(tmp_path: Path) -> None:
    modes: list[int] = []
    for durability in ("normal", "full"):
        conn, _ = open_for_writing(tmp_path / f"{durability}.db", durability)
        modes.append(conn.execute("PRAGMA synchronous").fetchone()[0])
        conn.close()
    assert modes == [1, 2]


def test_a_ledger_written_by_a_newer_program_is_left_alone(path: Path) -> None:
    conn, _ = open_for_writing(path, "normal")
    conn.execute("PRAGMA user_version = 99")
    conn.close()

    with pytest.raises(LedgerError, match="newer tokenguard .schema 99.*upgrade tokenguard"):
        Ledger.open(path)
    with pytest.raises(LedgerError, match="newer tokenguard"):
        queries.connect_readonly(path)
    assert aside(path) == []


async def test_nothing_is_read_of_a_ledger_whose_sums_are_still_to_be_made(path: Path) -> None:
    await filled(path)
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("DELETE FROM rollups")
    with pytest.raises(LedgerError, match="summed up anew") as raised:
        queries.connect_readonly(path)
    assert "tokenguard daemon start" in (raised.value.hint or "")
    await Ledger.open(path).close()
    with closing(queries.connect_readonly(path)) as conn:
        assert queries.totals(conn).calls == 200


def test_reading_needs_a_ledger_and_never_writes_one(path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no ledger at"):
        queries.connect_readonly(path)
    path.write_bytes(GARBAGE)
    with pytest.raises(LedgerError, match="read at"):
        queries.connect_readonly(path)
    path.unlink()
    sqlite3.connect(path).close()
    path.touch()
    with pytest.raises(LedgerError, match="older"):
        queries.connect_readonly(path)
    path.unlink()

    conn, _ = open_for_writing(path, "normal")
    with closing(conn), closing(queries.connect_readonly(path)) as reading:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reading.execute("DELETE FROM calls")
