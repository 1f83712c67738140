"""The sums that are kept are those of the calls, however they came about."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import (
    PHASES,
    START_US,
    Entry,
    call,
    contents,
    entries,
    in_memory,
    instants,
    settlement,
    write,
)
from tokenguard.ledger import Ledger, Where, agreement, filling, log_rows, queries, rollups, writes
from tokenguard.ledger.failures import suspect
from tokenguard.ledger.rollups import (
    AGENTS,
    BARE,
    BARE_SHIFT,
    BLOCK,
    CALLS,
    HOUR,
    HOUR_US,
    MODELS,
    NARROW,
    PLACES,
    SHIFT,
    SPELLS,
    TASKS,
    THREADS,
)
from tokenguard.ledger.sums import SUMS
from tokenguard.records import Confidence, Leg, Usage

DAY_US = 24 * HOUR_US
HOURS = START_US // HOUR_US


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        for number in range(1, 40):
            # Of a model and a helper, half an hour apart: twenty hours, in the middle of which a block begins.
            of = call(number, started_us=(HOURS // BLOCK * BLOCK - 10) * HOUR_US + number * HOUR_US // 2)
            whole = settlement(of)
            helped = replace(whole, legs=(*whole.legs, Leg("haiku", Usage(5))), usage=Usage(15, output=2))
            writes.settle(opened, helped if number % 3 else whole)
        yield opened


def walk(conn: sqlite3.Connection) -> list[int]:
    """The hours that are checked, one after the other."""
    found: list[int] = []
    while (hour := agreement.before(conn, found[-1] if found else None)) is not None:
        found.append(hour)
    return found


@settings(deadline=None)
@given(entries(), PHASES)
def test_what_is_added_call_by_call_is_what_summing_up_gives(written: list[Entry], phase_us: int) -> None:
    with closing(in_memory(phase_us)) as conn:
        write(conn, written)
        added = contents(conn)
        assert agreement.agrees_as_a_whole(conn)
        assert agreement.glance(conn)
        assert agreement.check_all(conn) == 0
        conn.execute("DELETE FROM rollups")
        conn.execute("DELETE FROM rollup_keys")
        filling.fill(conn)
        assert contents(conn) == added


@settings(deadline=None)
@given(entries(), instants(400 * DAY_US), PHASES)
def test_every_wrong_number_is_found_and_put_right(written: list[Entry], at: int, phase_us: int) -> None:
    with closing(in_memory(phase_us)) as conn:
        write(conn, written)
        sound, kept = contents(conn), queries.totals(conn)
        for damage in (
            "UPDATE rollups SET cost_nanos = cost_nanos + 1 WHERE start <= ?",
            "DELETE FROM rollups WHERE start >= ?",
            "UPDATE rollups SET start = start + 1 WHERE size = 1 AND start >= ?",
            "DELETE FROM rollups WHERE size < 0 AND start < ?",
            f"INSERT OR IGNORE INTO rollups SELECT size, ?, key{', 1' * len(SUMS)} FROM rollups WHERE size > 0",
        ):
            conn.execute(damage, ((START_US + at) // HOUR_US,))
            wrong = contents(conn) != sound
            agreed = [agreement.check(conn, hour) for hour in walk(conn)]
            assert all(agreed) is not wrong
            assert contents(conn) == sound
            assert queries.totals(conn) == kept


@given(*[st.one_of(st.none(), instants(100 * DAY_US))] * 2)
def test_a_span_is_cut_into_pieces_without_gap_or_overlap(since: int | None, until: int | None) -> None:
    since_us, until_us = (None if at is None else START_US + at for at in (since, until))
    ends: list[tuple[int, int]] = []
    for piece in rollups.pieces(since_us, until_us):
        unit = 1 if piece.size == CALLS else HOUR_US
        low = -1 if piece.since is None else piece.since * unit
        high = 2**62 if piece.until is None else piece.until * unit
        if piece.size != CALLS:
            assert (piece.since or 0) % piece.size == (piece.until or 0) % piece.size == 0
        if low < high:
            ends.append((low, high))
    ends.sort()
    whole = (-1 if since_us is None else since_us, 2**62 if until_us is None else until_us)
    if whole[0] >= whole[1]:
        assert ends == []
    else:
        assert (ends[0][0], ends[-1][1]) == whole
        assert all(before[1] == after[0] for before, after in zip(ends, ends[1:], strict=False))


def test_calls_are_read_only_where_a_span_begins_or_ends() -> None:
    read = [p for p in rollups.pieces(START_US + 1, START_US + 300 * DAY_US - 1) if p.size == CALLS]
    assert sum((p.until or 0) - (p.since or 0) for p in read) < 2 * HOUR_US
    assert not [p for p in rollups.pieces(START_US, START_US + 300 * DAY_US) if p.size == CALLS]
    for size, larger in pairwise((HOUR, SHIFT, BLOCK)):
        read = [p for p in rollups.pieces(START_US, START_US + 300 * DAY_US) if p.size == size]
        assert sum((p.until or 0) - (p.since or 0) for p in read) < 2 * larger


def test_questions_are_answered_from_the_sums(conn: sqlite3.Connection) -> None:
    conn.execute("DELETE FROM legs")
    conn.execute("DELETE FROM calls")
    assert queries.totals(conn).calls == queries.spent(conn)[0].calls == 39
    assert {group.key: group.totals.calls for group in queries.grouped(conn, ["model"])} == {
        ("opus",): 39,
        ("haiku",): 26,
    }


def test_times_are_told_from_few_sums_whatever_was_done_in_them(conn: sqlite3.Connection) -> None:
    slices = [(hour * HOUR_US, (hour + 2) * HOUR_US) for hour in range(HOURS // BLOCK * BLOCK - 10, HOURS, 2)]
    keys: list[list[str]] = [[], ["billing"], ["origin", "confidence"]]
    asked = Where(billing="metered", match=(("origin", "m*"),))
    sound = [queries.grouped_in(conn, by, where, slices) for by in keys for where in (Where(), asked)]
    hours = queries.hours(conn, Where(), slices[0][0], slices[-1][1])
    conn.execute("DELETE FROM rollups WHERE size NOT IN (?, ?)", (BARE.size, BARE_SHIFT))
    conn.execute("DELETE FROM calls")
    assert [queries.grouped_in(conn, by, where, slices) for by in keys for where in (Where(), asked)] == sound
    assert queries.hours(conn, Where(), slices[0][0], slices[-1][1]) == hours
    assert sum(group.totals.calls for _, group in sound[0]) == 39


FIRST, LAST = HOURS // BLOCK * BLOCK - 12, HOURS // BLOCK * BLOCK + 12
"""Hours around those of `conn`."""


def another(conn: sqlite3.Connection) -> None:
    """A call long before those of `conn`, which has nothing in common with them: what they all hold, not all do."""
    of = call(99, session="s9", model="other", started_us=(HOURS // BLOCK * BLOCK - BLOCK) * HOUR_US)
    unlike = replace(of, agent="codex", provider="openai", repo="/src/old", branch="old", billing="subscription")
    of_logs = replace(unlike, origin="logged", request_class="title", task="some", task_type="plan")
    writes.settle(conn, settlement(of_logs, confidence=Confidence.ESTIMATED))


def in_slices_of(hours: float) -> list[tuple[int, int]]:
    """The time of `conn`, cut into slices that begin this much after a shift."""
    edges = [int((at + hours) * HOUR_US) for at in range(FIRST, LAST + 1)]
    return list(pairwise(edges))


@pytest.mark.parametrize(
    ("keys", "slices", "sizes", "where"),
    [
        ([], in_slices_of(0.5), (BARE.size,), Where()),
        (["billing"], [(FIRST * HOUR_US, (FIRST + SHIFT) * HOUR_US)], (BARE_SHIFT,), Where()),
        (["model"], in_slices_of(0), (MODELS.size,), Where()),
        (["provider"], in_slices_of(0), (AGENTS.size,), Where()),
        (["task"], in_slices_of(0), (TASKS.size,), Where()),
        (["request-class", "task"], in_slices_of(0), (TASKS.size,), Where(request_class="main")),
        (["repo", "branch", "worktree"], in_slices_of(0), (PLACES.size,), Where()),
        (["agent", "provider"], in_slices_of(0), (AGENTS.size,), Where(agent="claude")),
        (["model"], in_slices_of(0), (MODELS.size,), Where(billing="metered")),
        (
            ["repo"],
            in_slices_of(0),
            (PLACES.size,),
            Where(repo="/src/web", match=(("origin", "m*"), ("confidence", "e*"))),
        ),
        (["session"], in_slices_of(0), (SPELLS, THREADS), Where()),
        (["sub-agent", "conversation", "billing"], in_slices_of(0), (SPELLS, THREADS), Where()),
        (["session"], in_slices_of(0), (SPELLS, THREADS), Where(repo="/src/web", match=(("model", "op*"),))),
    ],
)
def test_few_sums_are_read_where_they_tell_enough(
    conn: sqlite3.Connection,
    keys: list[str],
    slices: list[tuple[int, int]],
    sizes: tuple[int, ...],
    where: Where,
) -> None:
    sound = queries.grouped_in(conn, keys, where, slices)
    assert sound
    conn.execute(f"DELETE FROM rollups WHERE size NOT IN ({', '.join(map(str, sizes))})")
    conn.execute("DELETE FROM legs")
    conn.execute("DELETE FROM calls")
    assert queries.grouped_in(conn, keys, where, slices) == sound


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        (["repo"], Where()),
        (["model"], Where(match=(("model", "op*"),))),
        (["model", "agent"], Where()),
        (["model", "billing"], Where()),
        (["repo"], Where(origin="measured")),
        (["repo", "task"], Where()),
        (["request-class"], Where(agent="claude")),
        (["session", "agent"], Where()),
        (["session"], Where(repo="/src/web")),
        ([], Where(branch="main")),
    ],
)
def test_others_are_read_where_they_do_not(conn: sqlite3.Connection, keys: list[str], where: Where) -> None:
    another(conn)
    sound = queries.grouped_in(conn, keys, where, in_slices_of(0.5))
    assert sum(group.totals.calls for _, group in sound) >= 39
    narrow = ", ".join(str(one.size) for one in NARROW)
    conn.execute(f"DELETE FROM rollups WHERE size IN ({BARE_SHIFT}, {SPELLS}, {narrow})")
    assert queries.grouped_in(conn, keys, where, in_slices_of(0.5)) == sound


@pytest.mark.parametrize(
    ("keys", "where", "sizes"),
    [
        ([], Where(agent="claude", repo="/src/web"), (BARE.size,)),
        ([], Where(match=(("model", "op*"), ("request_class", "main"), ("branch", "[a-m]*"))), (BARE.size,)),
        (["repo"], Where(agent="claude", match=(("provider", "*"),)), (PLACES.size,)),
        (["model"], Where(branch="main", billing="metered"), (MODELS.size,)),
        (["task"], Where(provider="anthropic", match=(("origin", "measured"),)), (TASKS.size,)),
        (["session"], Where(agent="claude", match=(("session", "s*"),)), (SPELLS, THREADS)),
    ],
)
def test_what_holds_for_all_charges_is_not_asked(
    conn: sqlite3.Connection, keys: list[str], where: Where, sizes: tuple[int, ...]
) -> None:
    another(conn)
    told_apart = queries.grouped_in(conn, keys, where, in_slices_of(0))
    assert sum(group.totals.calls for _, group in told_apart) >= 39
    log_rows.remove(conn, 99)
    conn.execute("DELETE FROM rollup_keys WHERE agent = 'codex'")
    assert queries.grouped_in(conn, keys, where, in_slices_of(0)) == told_apart
    conn.execute(f"DELETE FROM rollups WHERE size NOT IN ({', '.join(map(str, sizes))})")
    conn.execute("DELETE FROM legs")
    conn.execute("DELETE FROM calls")
    assert queries.grouped_in(conn, keys, where, in_slices_of(0)) == told_apart


def test_what_holds_for_no_charge_is_asked(conn: sqlite3.Connection) -> None:
    for where in (Where(agent="codex"), Where(match=(("task", "*"),)), Where(repo="/src/web", match=(("model", "x"),))):
        assert queries.grouped_in(conn, ["repo"], where, in_slices_of(0)) == []


def test_every_hour_and_block_comes_up_to_be_checked(conn: sqlite3.Connection) -> None:
    hours = walk(conn)
    assert hours == sorted(set(hours), reverse=True)
    stored = {row[0] for row in conn.execute("SELECT start FROM rollups WHERE size > 0")}
    assert stored <= set(hours)
    conn.execute("DELETE FROM rollups")
    assert stored <= set(walk(conn)), "hours without any sums are found by their calls"


async def filled(path: Path) -> None:
    ledger = Ledger.open(path)
    for number in range(10):
        await ledger.settle(settlement(call(number, started_us=START_US + number * HOUR_US)))
    await ledger.close()


def spoil(path: Path, hours: str) -> None:
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute(f"UPDATE rollups SET cost_nanos = 7 WHERE size = 1 AND start {hours}")


async def test_opening_puts_the_newest_hour_right(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await filled(tmp_path / "ledger.db")
    spoil(tmp_path / "ledger.db", f"= {HOURS + 9}")
    ledger = Ledger.open(tmp_path / "ledger.db")
    assert queries.totals(ledger.read(), since_us=START_US).cost_nanos == 10_000
    await ledger.close()
    assert caplog.messages == ["the sums of 1 hours did not agree with their calls; they were rebuilt"]


async def test_the_hours_are_audited_one_by_one_and_all_at_once_when_one_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await filled(tmp_path / "ledger.db")
    ledger = Ledger.open(tmp_path / "ledger.db")
    spoil(tmp_path / "ledger.db", f"IN ({HOURS + 3}, {HOURS + 8})")
    assert await ledger.audit() == 0, "the newest hour is sound"
    assert await ledger.audit() == 2, "one is found, and then the other"
    assert queries.totals(ledger.read(), since_us=START_US).cost_nanos == 10_000
    assert [await ledger.audit() for _ in range(30)] == [0] * 30
    await ledger.close()
    assert caplog.messages == ["the sums of 2 hours did not agree with their calls; they were rebuilt"]


async def test_a_suspect_ledger_has_all_its_sums_checked_at_the_next_opening(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await filled(path)
    spoil(path, f"IN ({HOURS + 3}, {HOURS + 8})")
    with closing(queries.connect_readonly(path)) as conn:
        assert not agreement.agrees_as_a_whole(conn)
    suspect(path)
    await Ledger.open(path).close()
    with closing(queries.connect_readonly(path)) as conn:
        assert agreement.agrees_as_a_whole(conn)


async def test_an_empty_ledger_has_nothing_to_audit(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    assert await ledger.audit() == await ledger.audit() == 0
    await ledger.close()
