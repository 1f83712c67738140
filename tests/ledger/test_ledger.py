from __future__ import annotations

import asyncio
import os
import stat
from contextlib import closing
from pathlib import Path
from threading import Thread
from unittest.mock import Mock

import pytest
from msgspec.structs import replace

from tests.ledger.support import SECOND_US, START_US, call, session, settlement
from tests.support import connections
from tokenguard.errors import LedgerError
from tokenguard.ledger import Decision, Ledger, Raise, Told, Where, queries
from tokenguard.policy.estimate import Experience
from tokenguard.policy.trend import Trend
from tokenguard.records import Amount, Charge, Confidence, Totals, Unit, Usage, Verdict

RESERVED = Amount(nanos=5_000, tokens=70, calls=1)


async def test_a_reserved_call_is_open_and_is_not_a_charge(ledger: Ledger) -> None:
    await ledger.reserve(call(1), RESERVED)

    assert queries.open_reservations(ledger.read()) == [(call(1), RESERVED)]
    assert queries.open_reservations(ledger.read())[0][0].stream is True
    assert queries.totals(ledger.read()) == Totals()


async def test_a_settlement_replaces_the_reservation(ledger: Ledger) -> None:
    await ledger.reserve(call(1), RESERVED)
    await ledger.settle(settlement(call(1), 900, Confidence.ESTIMATED))

    assert queries.open_reservations(ledger.read()) == []
    assert queries.totals(ledger.read()) == Totals(1, 900, Usage(input=10, output=2), Confidence.ESTIMATED)
    assert queries.spent(ledger.read()) == (Amount(900, 12, 1, Usage(10, output=2)), Amount())


async def test_a_call_that_was_never_reserved_is_settled_all_the_same(ledger: Ledger) -> None:
    await ledger.settle(settlement(call(1), 900))

    assert queries.spent(ledger.read()) == (Amount(900, 12, 1, Usage(10, output=2)), Amount())


async def test_a_call_is_settled_once(ledger: Ledger) -> None:
    first, second = ledger.settle(settlement(call(1), 900)), ledger.settle(settlement(call(1), 800))

    await first
    with pytest.raises(LedgerError):
        await second
    assert queries.totals(ledger.read()).cost_nanos == 900
    assert queries.grouped(ledger.read(), ["model"])[0].totals.cost_nanos == 900


async def test_a_call_of_unknown_cost_counts_as_unpriced(ledger: Ledger) -> None:
    unpriced = settlement(call(1))
    await ledger.settle(type(unpriced)(call=call(1), charge=None, ended_us=START_US, outcome="ok", usage=Usage(7)))

    assert queries.totals(ledger.read()) == Totals(1, 0, Usage(7), Confidence.ESTIMATED, unpriced=1)


async def test_what_a_charge_holds_beyond_its_legs_goes_to_the_first(ledger: Ledger) -> None:
    whole = settlement(call(1))
    await ledger.settle(type(whole)(call(1), Charge(500), START_US, "cut", legs=(*whole.legs, *whole.legs)))

    rows = ledger.read().execute("SELECT cost_nanos FROM legs ORDER BY idx").fetchall()
    assert rows == [(500,), (0,)]


async def test_a_refused_call_is_kept_and_counts_nowhere(ledger: Ledger) -> None:
    await ledger.refuse(call(1), Verdict("refuse", "web/day", "the day budget is used up"))

    assert queries.totals(ledger.read()).calls == 0
    assert queries.open_reservations(ledger.read()) == []
    told = ledger.read().execute("SELECT state, budget, reason, cost_nanos FROM calls").fetchall()
    assert told == [("refused", "web/day", "the day budget is used up", None)]


async def test_a_warning_stays_with_the_call_it_let_through(ledger: Ledger) -> None:
    await ledger.reserve(call(1), RESERVED, Verdict("warn", "web/day", "82% is spent"))
    await ledger.settle(settlement(call(1)))

    told = ledger.read().execute("SELECT state, budget, reason FROM calls").fetchall()
    assert told == [("settled", "web/day", "82% is spent")]


async def test_open_calls_of_an_earlier_process_are_charged_at_their_bound(tmp_path: Path) -> None:
    earlier = Ledger.open(tmp_path / "ledger.db")
    for number in (1, 2, 3):
        await earlier.reserve(call(number), RESERVED)
    await earlier.settle(settlement(call(3)))
    await earlier.close()

    ledger = Ledger.open(tmp_path / "ledger.db")
    assert ledger.next_call_id == 4
    await ledger.reserve(call(4, started_us=START_US), RESERVED)
    assert [found.id for found, _ in ledger.open_calls()] == [1, 2]

    assert await ledger.presume(START_US + 2 * SECOND_US) == [1]
    assert await ledger.presume(START_US + 9 * SECOND_US) == [2]

    assert [found.id for found, _ in queries.open_reservations(ledger.read())] == [4], "this process has it in hand"
    usage = Usage(150, 140, 140, 0, 142)
    assert queries.spent(ledger.read()) == (Amount(2 * 5_000 + 1_000, 2 * 70 + 12, 3, usage), Amount())
    assert queries.totals(ledger.read()).confidence is Confidence.BOUND
    await ledger.close()


async def test_a_settlement_after_the_presumption_changes_nothing(tmp_path: Path) -> None:
    earlier = Ledger.open(tmp_path / "ledger.db")
    await earlier.reserve(call(1), RESERVED)
    await earlier.close()
    ledger = Ledger.open(tmp_path / "ledger.db")
    await ledger.presume(START_US + 9 * SECOND_US)

    with pytest.raises(LedgerError):
        await ledger.settle(settlement(call(1)))
    assert queries.spent(ledger.read())[0] == replace(RESERVED, usage=Usage(70, 70, 70, 0, 70))
    await ledger.close()


def test_where_no_thread_can_be_started_nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    made = connections.noted(monkeypatch)
    with pytest.raises(RuntimeError, match="new thread"):
        Ledger.open(tmp_path / "ledger.db")
    assert [connections.is_closed(conn) for conn in made] == [True]


async def test_sessions_are_found_by_id_token_and_state(ledger: Ledger) -> None:
    first, second = session("a", START_US), session("b", START_US + 1)
    await ledger.open_session(first, b"hash of a")
    await ledger.open_session(second, None)
    await ledger.set_pid("a", 4711)
    await ledger.end_session("b", START_US + 5, 3)
    await ledger.end_session("b", START_US + 9, 0)

    conn = ledger.read()
    (found,) = queries.sessions(conn, ["a", "nobody"])
    assert found.pid == 4711
    assert (found.labels, found.upstreams, found.budget) == (first.labels, first.upstreams, first.budget)
    assert queries.session_by_token(conn, b"hash of a") == found
    assert queries.session_by_token(conn, b"another") is None
    assert queries.running_sessions(conn) == [found]
    assert [each.id for each in queries.recent_sessions(conn, 5)] == ["b", "a"]
    (ended,) = queries.sessions(conn, ["b"])
    assert (ended.ended_us, ended.exit_code) == (START_US + 5, 3), "the first end counts"


async def test_no_two_sessions_share_a_token(ledger: Ledger) -> None:
    await ledger.open_session(session("a"), b"hash")
    with pytest.raises(LedgerError):
        await ledger.open_session(session("b"), b"hash")


async def test_raises_are_in_force_until_they_expire(ledger: Ledger) -> None:
    short = Raise("day", "/src/web", 5_000, Unit.USD, "release", "eva", START_US, START_US + 60)
    lasting = Raise("calls", "", 20, Unit.CALLS, "demo", "eva", START_US)
    await ledger.raise_budget(short)
    await ledger.raise_budget(lasting)

    assert queries.raises(ledger.read(), START_US + 59) == [short, lasting]
    assert queries.raises(ledger.read(), START_US + 60) == [lasting]


async def test_what_calls_taught_replaces_what_was_known(ledger: Ledger) -> None:
    first = Experience(first=Trend(1, 0.25, 0.5), later=Trend(2, -1.5, 3.0), output=Trend(3, 4.0, 0.0))
    second = replace(first, output=Trend(4, 3.5, 1.0))
    await ledger.learn("anthropic", "opus", True, first)
    await ledger.learn("anthropic", "opus", False, first)
    await ledger.learn("anthropic", "opus", True, second)
    assert queries.experience(ledger.read()) == {
        ("anthropic", "opus", True): second,
        ("anthropic", "opus", False): first,
    }


async def test_many_calls_at_once_all_arrive(ledger: Ledger) -> None:
    async def one(number: int) -> None:
        await ledger.reserve(call(number, session=f"s{number % 7}"), RESERVED)
        await ledger.settle(settlement(call(number, session=f"s{number % 7}"), number))

    await asyncio.gather(*(one(number) for number in range(1, 1_001)))

    usage = Usage(10_000, output=2_000)
    assert queries.spent(ledger.read())[0] == Amount(sum(range(1_001)), 12_000, 1_000, usage)
    assert queries.open_reservations(ledger.read()) == []
    expected = sum(number for number in range(1_001) if number % 7 == 3)
    assert queries.spent(ledger.read(), Where(session="s3"))[0].nanos == expected


async def test_a_cancelled_reservation_can_still_be_settled(ledger: Ledger) -> None:
    task = asyncio.ensure_future(ledger.reserve(call(1), RESERVED))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ledger.settle(settlement(call(1), 7))

    assert queries.spent(ledger.read())[0] == Amount(7, 12, 1, Usage(10, output=2))
    assert queries.open_reservations(ledger.read()) == []


async def test_who_pays_is_what_the_settlement_says(ledger: Ledger) -> None:
    await ledger.reserve(call(1), RESERVED)
    await ledger.settle(settlement(replace(call(1), billing="subscription"), 900))
    await ledger.settle(settlement(replace(call(2), billing="credits"), 30))

    assert queries.totals(ledger.read()) == Totals(2, 30, Usage(20, output=4), notional_nanos=900)
    assert queries.spent(ledger.read()) == (Amount(930, 24, 2, Usage(20, output=4)), Amount(900))
    groups = queries.grouped(ledger.read(), ["billing"])
    assert {group.key[0]: group.totals.notional_nanos for group in groups} == {"subscription": 900, "credits": 0}


async def test_decisions_are_kept_in_order(ledger: Ledger) -> None:
    held = Decision(START_US, "approve", "somebody", call_id=7, amount=5, unit=Unit.USD, reason="go on")
    released = Decision(START_US + 5, "release", "somebody", budget="day", key="/src/web")
    await ledger.decide(held)
    await ledger.decide(released)

    assert queries.decisions(ledger.read()) == [held, released]
    assert queries.decisions(ledger.read(), since_us=START_US + 1) == [released]
    assert queries.decisions(ledger.read(), kind="approve") == [held]


async def test_a_told_level_is_remembered_until_its_window_ends(ledger: Ledger) -> None:
    day = Told("day", "/src/web", START_US, "warn", until_us=START_US + 10)
    always = Told("all", "", 0, "soft")
    for _ in range(2):
        await ledger.told_level(day, START_US)
    await ledger.told_level(always, START_US)

    assert set(queries.told_levels(ledger.read(), START_US + 9)) == {day, always}
    assert queries.told_levels(ledger.read(), START_US + 10) == [always]
    later = Told("day", "/src/web", START_US + 10, "info", until_us=START_US + 20)
    await ledger.told_level(later, START_US + 10)
    assert set(queries.told_levels(ledger.read(), 0)) == {always, later}, "those that ended are gone"


async def test_close_commits_what_is_queued_and_ends_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    await ledger.reserve(call(1), RESERVED)
    assert ledger.open_calls() == []
    settled = [ledger.settle(settlement(call(number))) for number in range(1, 100)]
    await ledger.close()
    await ledger.close()

    assert all(future.done() and future.exception() is None for future in settled)
    with pytest.raises(LedgerError, match="closed"):
        await ledger.reserve(call(100), RESERVED)
    assert os.listdir(tmp_path) == ["ledger.db"], "nothing is left in a write-ahead log"
    with closing(queries.connect_readonly(tmp_path / "ledger.db")) as conn:
        assert queries.totals(conn).calls == 99


async def test_only_the_owner_may_read_the_files(ledger: Ledger, tmp_path: Path) -> None:
    await ledger.reserve(call(1), RESERVED)

    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(tmp_path)}
    assert modes == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
