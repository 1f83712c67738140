"""Sums by the hours of a zone that begin between those of UTC: what is told from them is what the calls are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import (
    PHASES,
    QUARTER_US,
    START_US,
    Entry,
    call,
    contents,
    entries,
    in_memory,
    labels_of,
    settlement,
    write,
)
from tokenguard.ledger import Ledger, Where, adding, agreement, filling, phases, queries, writes
from tokenguard.ledger.due import due, due_by_phase
from tokenguard.ledger.filling import fill
from tokenguard.ledger.opening import open_for_writing
from tokenguard.ledger.phases import choose, phase_of
from tokenguard.ledger.rollups import HOUR_US, THREADS
from tokenguard.records import Charge, Leg, Totals, Usage
from tokenguard.reports.cuts import cut

MINUTE_US = 60_000_000
DAY_US = 24 * HOUR_US
CALLS = 60
HALF_PAST = 2 * QUARTER_US
SIZES = ", ".join(map(str, phases.SIZES))
ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "Australia/Lord_Howe", "America/St_Johns")
KEYS = ("repo", "model", "task", "agent", "billing", "provider", "request-class", "session", "sub-agent")


class StoppedError(Exception):
    """The process ends here."""


def stopped(*_: object) -> None:
    raise StoppedError


def at(month: int) -> int:
    return int(datetime(2026, month, 15, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("UTC", 0),
        ("Europe/Berlin", 0),
        ("America/New_York", 0),
        ("Asia/Kolkata", 30),
        ("Australia/Adelaide", 30),
        ("America/St_Johns", 30),
        ("Asia/Kathmandu", 15),
        ("Australia/Eucla", 15),
        ("Pacific/Chatham", 15),
        ("Australia/Lord_Howe", 30),
    ],
)
def test_the_phase_of_a_zone_is_the_same_all_year(zone: str, minutes: int) -> None:
    assert {phase_of(ZoneInfo(zone), at(month)) for month in range(1, 13)} == {minutes * MINUTE_US}


def slices_of(written: list[Entry], key: str, tz: tzinfo) -> list[tuple[int, int]]:
    begins = [entry.call.started_us for entry in written]
    return list(cut([key], (min(begins) // HOUR_US * HOUR_US, max(begins) + 1), tz).spans)


@settings(deadline=None)
@given(
    entries(40 * DAY_US),
    PHASES,
    st.sampled_from(ZONES),
    st.sampled_from(["hour", "hour", "day", "week", "month"]),
    st.lists(st.sampled_from(KEYS), unique=True, max_size=2),
)
def test_in_any_zone_by_any_phase_sums_are_those_of_the_calls(
    written: list[Entry], phase_us: int, zone: str, by: str, keys: list[str]
) -> None:
    slices = slices_of(written, by, ZoneInfo(zone))
    expected: dict[tuple[object, ...], Totals] = {}
    for entry in written:
        if entry.charged:
            place = next(n for n, (since, until) in enumerate(slices) if since <= entry.call.started_us < until)
            for labels, sums in labels_of(entry, keys):
                expected[place, labels] = expected.get((place, labels), Totals()) + sums
    with closing(in_memory(phase_us)) as conn:
        write(conn, written)
        found = queries.grouped_in(conn, keys, Where(), slices)
    assert {(place, group.key): group.totals for place, group in found} == expected


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    """Calls of nine days, every second of which begins an hour of half past; the last one does not."""
    with closing(in_memory(HALF_PAST)) as opened:
        for number in range(1, CALLS + 1):
            whole = settlement(call(number, started_us=START_US + number * 7 * HALF_PAST))
            helped = replace(whole, legs=(*whole.legs, Leg("haiku", Usage(5))), usage=Usage(15, output=2))
            writes.settle(opened, helped if number % 3 else whole)
        yield opened


def hours_of(phase_us: int) -> list[tuple[int, int]]:
    first = START_US // HOUR_US * HOUR_US + phase_us
    return [(first + number * HOUR_US, first + (number + 1) * HOUR_US) for number in range(300)]


def days_of(phase_us: int) -> list[tuple[int, int]]:
    first = START_US // HOUR_US * HOUR_US + phase_us
    return [(first + number * DAY_US, first + (number + 1) * DAY_US) for number in range(20)]


@pytest.mark.parametrize("slices", [hours_of, days_of])
@pytest.mark.parametrize(
    "keys", [["model"], ["agent", "provider"], ["task"], ["repo", "branch"], ["request-class"], ["session"]]
)
def test_hours_of_the_phase_are_read_from_its_sums_alone(
    conn: sqlite3.Connection, keys: list[str], slices: Callable[[int], list[tuple[int, int]]]
) -> None:
    asked = slices(HALF_PAST)
    sound = queries.grouped_in(conn, keys, Where(), asked)
    assert sum(group.totals.calls for _, group in sound) >= CALLS
    conn.execute(f"DELETE FROM rollups WHERE size NOT IN ({SIZES}, {THREADS})")
    conn.execute("DELETE FROM legs")
    conn.execute("DELETE FROM calls")
    assert queries.grouped_in(conn, keys, Where(), asked) == sound


@pytest.mark.parametrize("phase_us", [0, QUARTER_US])
def test_other_hours_are_not_read_from_them(conn: sqlite3.Connection, phase_us: int) -> None:
    asked = hours_of(phase_us)
    sound = [queries.grouped_in(conn, keys, Where(), asked) for keys in ([], ["model"], ["repo"], ["session"])]
    conn.execute(f"DELETE FROM rollups WHERE size IN ({SIZES})")
    assert [queries.grouped_in(conn, keys, Where(), asked) for keys in ([], ["model"], ["repo"], ["session"])] == sound


@pytest.mark.parametrize("keys", [[], ["billing"], ["origin", "confidence"]])
def test_a_quarter_off_hours_alone_are_read_from_them_too(conn: sqlite3.Connection, keys: list[str]) -> None:
    choose(conn, QUARTER_US)
    fill(conn)
    asked = hours_of(QUARTER_US)
    sound = queries.grouped_in(conn, keys, Where(), asked)
    conn.execute("DELETE FROM calls")
    assert queries.grouped_in(conn, keys, Where(), asked) == sound != []


@settings(deadline=None, max_examples=50)
@given(entries(), PHASES, PHASES, st.integers(1, 5))
def test_another_phase_is_summed_up_from_where_it_was_stopped(
    written: list[Entry], before: int, after: int, parts: int
) -> None:
    with closing(in_memory(after)) as sound, closing(in_memory(before)) as conn:
        write(sound, written)
        write(conn, written)
        choose(conn, after)
        total = queries.totals(sound)
        for _ in range(parts):
            left = due_by_phase(conn)
            if left is None:
                break
            assert due(conn) is None, "nobody has to wait for them"
            assert phases.readable(conn) == 0
            assert queries.totals(conn) == total
            with pytest.MonkeyPatch.context() as patched, pytest.raises(StoppedError):
                patched.setattr(filling, "put_hours", stopped)
                fill(conn)
            assert due_by_phase(conn) == left, "a part is done as a whole or not at all"
            choose(conn, after)
            assert due_by_phase(conn) == left, "not from the beginning again"
            with suppress(StoppedError):
                fill(conn, stopped)
        fill(conn)
        assert contents(conn) == contents(sound)
        assert phases.readable(conn) == phases.stored(conn) == after
        assert agreement.agrees_as_a_whole(conn)
        assert agreement.check_all(conn) == 0


def test_what_comes_before_all_is_summed_up_is_in_it(conn: sqlite3.Connection) -> None:
    choose(conn, QUARTER_US)
    with suppress(StoppedError):
        fill(conn, stopped)
    assert due_by_phase(conn) is not None
    for number, started_us in enumerate((START_US, START_US + CALLS * 7 * HALF_PAST, 1), 900):
        writes.settle(conn, settlement(call(number, started_us=started_us)))
    fill(conn)
    added = contents(conn)
    choose(conn, 0)
    choose(conn, QUARTER_US)
    fill(conn)
    assert contents(conn) == added
    assert agreement.check_all(conn) == 0


def test_what_is_summed_up_anew_is_so_by_the_phase_too(conn: sqlite3.Connection) -> None:
    sound = contents(conn)
    conn.execute("DELETE FROM rollups")
    assert due(conn) is not None
    with suppress(StoppedError):
        fill(conn, stopped)
    assert phases.readable(conn) == 0, "they are gone with the others"
    fill(conn)
    assert contents(conn) == sound
    assert phases.readable(conn) == HALF_PAST


@given(PHASES, st.lists(st.integers(0, 3 * HOUR_US), min_size=1, max_size=8))
def test_what_is_added_together_is_what_is_added_one_by_one(phase_us: int, begins: list[int]) -> None:
    usage = Usage(10, output=2)
    with closing(in_memory(phase_us)) as one_by_one, closing(in_memory(phase_us)) as together:
        gathered = adding.Gathered(together)
        for number, begin in enumerate(begins, 1):
            made, charge = call(number, started_us=START_US + begin), Charge(1_000, leg_nanos=(1_000,))
            adding.add_plain(one_by_one, made, charge, usage, made.model)
            gathered.add(made, charge, usage, made.model)
        gathered.write()
        assert contents(together) == contents(one_by_one)


def test_what_goes_is_taken_out(conn: sqlite3.Connection) -> None:
    sound = contents(conn)
    writes.settle(conn, settlement(call(900, started_us=START_US + 5 * HOUR_US)))
    assert contents(conn) != sound
    adding.remove(conn, 900)
    assert contents(conn) == sound


def nothing_is_told(percent: int) -> None:
    pytest.fail(f"{percent}% of nothing")


def test_who_opens_the_ledger_chooses_the_phase(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    for phase_us, kept in ((HALF_PAST, HALF_PAST), (None, HALF_PAST), (QUARTER_US, QUARTER_US), (0, 0)):
        opened, _ = open_for_writing(path, "normal", nothing_is_told, phase_us)
        assert phases.readable(opened) == phases.stored(opened) == kept
        opened.close()


async def test_a_change_is_told_and_the_same_again_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, phase_us=0)
    for number in range(1, 20):
        await ledger.settle(settlement(call(number, started_us=START_US + number * 5 * DAY_US)))
    await ledger.close()
    told: list[int] = []
    await Ledger.open(path, tell=told.append, phase_us=HALF_PAST).close()
    assert told == sorted(set(told)) and told[-1] == 100 and len(told) > 5
    for phase_us in (HALF_PAST, 0):
        await Ledger.open(path, tell=nothing_is_told, phase_us=phase_us).close()


async def test_a_ledger_that_begins_anew_keeps_the_phase(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(path, phase_us=HALF_PAST)
    for number in range(1, 300):
        await ledger.settle(settlement(call(number)))
    await ledger.close()
    with closing(sqlite3.connect(path)) as conn:
        page, size = conn.execute(
            "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'calls'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    ledger = Ledger.open(path)
    assert ledger.set_aside is not None
    assert phases.readable(ledger.read()) == HALF_PAST
    await ledger.close()
