"""A ledger that has no sums, or not all of today's, gets them; also if it is stopped meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.support import START_US, Entry, call, contents, entries, in_memory, settlement, write
from tokenguard.errors import LedgerError
from tokenguard.ledger import Ledger, agreement, filling, migrations, queries, writes
from tokenguard.ledger.due import Due, due
from tokenguard.ledger.filling import PART, fill
from tokenguard.ledger.rollups import BLOCK, HOUR_US, NARROW, SHIFT
from tokenguard.ledger.sums import SUMS

CALLS = 40
NOTIONAL = ("nanos", "below", "above", "saved")


class StoppedError(Exception):
    """The process ends here."""


def stopped(*_: object) -> None:
    raise StoppedError


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    """Calls of several months, in many parts; their sums are complete."""
    with closing(in_memory()) as opened:
        for number in range(1, CALLS + 1):
            writes.settle(opened, settlement(call(number, started_us=START_US + number * 61 * HOUR_US)))
        yield opened


def without_sums(conn: sqlite3.Connection) -> None:
    """As a ledger is from before there were any."""
    conn.execute("DELETE FROM rollups")
    conn.execute("DELETE FROM rollup_keys")
    conn.execute("DELETE FROM rollup_threads")


def without_narrow_sums(conn: sqlite3.Connection) -> None:
    """As the version left it whose sums did not know what of them is on no bill."""
    for narrow in (one for one in NARROW if one.units == 1):
        conn.execute("DELETE FROM rollups WHERE size = ?", (narrow.size,))
        conn.execute(f"DELETE FROM rollup_keys WHERE id IN (SELECT {narrow.number} FROM rollup_keys)")
    for number in NOTIONAL:
        conn.execute(f"ALTER TABLE rollups DROP COLUMN notional_{number}")
    # Narrow sums as they were, which told who pays.
    key = "agent, provider, model, request_class, billing, leg, role, origin, confidence"
    told = "'', 'anthropic', '', '', 'subscription', 'opus', 'part', 'measured', 'exact'"
    narrow_key = conn.execute(f"INSERT INTO rollup_keys ({key}) VALUES ({told})").lastrowid
    conn.execute("UPDATE rollup_keys SET by_model = ? WHERE by_model IS NOT NULL", (narrow_key,))
    numbers = ", 1" * (len(SUMS) - len(NOTIONAL))
    conn.execute(
        f"INSERT INTO rollups SELECT DISTINCT -3, start, ?{numbers} FROM rollups WHERE size = 1", (narrow_key,)
    )
    conn.execute("ALTER TABLE rollup_keys DROP COLUMN by_agent")
    conn.execute("PRAGMA user_version = 19")
    migrations.migrate(conn)


BEFORE = pytest.mark.parametrize("before", [without_sums, without_narrow_sums])


@BEFORE
def test_an_older_ledger_gets_the_sums_of_today(
    conn: sqlite3.Connection, before: Callable[[sqlite3.Connection], None]
) -> None:
    sound = contents(conn)
    before(conn)
    assert contents(conn) != sound
    told: list[int] = []
    fill(conn, told.append)
    assert contents(conn) == sound
    assert told == sorted(set(told)) and told[-1] == 100 and len(told) > CALLS * 61 // PART // 2
    assert due(conn) is None
    assert agreement.check_all(conn) == 0
    writes.settle(conn, settlement(call(CALLS + 1)))
    assert agreement.check_all(conn) == 0, "keys that were there have the numbers of their narrow ones"


def test_narrow_sums_are_made_without_reading_calls(conn: sqlite3.Connection) -> None:
    sound = contents(conn)
    without_narrow_sums(conn)
    conn.execute("DELETE FROM legs")
    conn.execute("DELETE FROM calls")
    fill(conn)
    assert contents(conn) == sound


@settings(deadline=None, max_examples=50)
@given(entries(), st.integers(1, 5), st.booleans())
def test_who_is_stopped_goes_on_where_it_stopped(written: list[Entry], parts: int, all_of_them: bool) -> None:
    with closing(in_memory()) as conn:
        write(conn, written)
        sound = contents(conn)
        (without_sums if all_of_them else without_narrow_sums)(conn)
        for _ in range(parts):
            left = due(conn)
            if left is None:
                break
            with pytest.MonkeyPatch.context() as patched, pytest.raises(StoppedError):
                patched.setattr(filling, "put_narrow", stopped)
                fill(conn)
            assert due(conn) == left, "a part is done as a whole or not at all"
            with suppress(StoppedError):
                fill(conn, stopped)
        fill(conn)
        assert contents(conn) == sound
        assert due(conn) is None
        assert agreement.check_all(conn) == 0


@BEFORE
async def test_nothing_is_read_of_it_meanwhile(tmp_path: Path, before: Callable[[sqlite3.Connection], None]) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        migrations.migrate(conn)
        for number in range(1, CALLS + 1):
            writes.settle(conn, settlement(call(number, started_us=START_US + number * 61 * HOUR_US)))
        before(conn)
        with pytest.raises(LedgerError, match="has to be summed up anew, once, of which 0% is done"):
            queries.connect_readonly(path)
        told: list[int] = []
        with pytest.raises(StoppedError):
            fill(conn, lambda percent: told.append(percent) if percent < 30 else stopped())
    with pytest.raises(LedgerError, match="of which 3.% is done; the daemon does it when it starts"):
        queries.connect_readonly(path)
    await Ledger.open(path, tell=told.append).close()
    assert told == sorted(set(told)) and told[-1] == 100, "not from the beginning again"
    with closing(queries.connect_readonly(path)) as reading:
        assert queries.totals(reading).calls == CALLS


def test_what_is_sound_is_left_alone(conn: sqlite3.Connection) -> None:
    sound = contents(conn)
    fill(conn, lambda percent: pytest.fail(f"{percent}% of nothing"))
    assert contents(conn) == sound
    with closing(in_memory()) as empty:
        fill(empty)
        assert contents(empty) == {}


def test_a_call_of_long_ago_does_not_take_as_many_parts(conn: sqlite3.Connection) -> None:
    writes.settle(conn, settlement(call(CALLS + 1, started_us=1)))
    sound = contents(conn)
    without_sums(conn)
    parts: list[int] = []
    fill(conn, parts.append)
    assert contents(conn) == sound
    assert parts[0] > 90, "the decades in between are passed over"


def test_a_part_holds_whole_shifts_and_a_block_whole_parts() -> None:
    assert PART % SHIFT == BLOCK % PART == 0


def test_how_much_is_done_is_told_in_percent() -> None:
    assert [Due("hours", 100, 300, at).percent for at in (96, 100, 250, 300)] == [0, 0, 75, 100]
