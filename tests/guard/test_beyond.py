"""What logs tell of counts in budgets at once, and nothing is read again for it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.house import MODEL, NOON, House, answer, request
from tokenguard.guard.books import Books
from tokenguard.ledger.values import Logged, Logs, Written
from tokenguard.records import Budget, Call, Leg, Unit, Usage

HOUR_US = 3_600_000_000
BUDGETS = (
    Budget("tokens", 10_000, unit=Unit.TOKENS, window="day"),
    Budget("calls", 40, unit=Unit.CALLS, window="rolling 5h"),
    Budget("repo", 10**12, scope="repo", window="total"),
    Budget("other", 10**12, window="day", match=(("agent", "codex"),)),
    Budget("paid", 10**12, window="day", counts="billed"),
)


def seen(key: str, output: int, *, hours_ago: float = 0, session: str = "claude:a", **about: object) -> Logged:
    started_us = NOON - int(hours_ago * HOUR_US)
    call = Call(0, session, "claude", "anthropic", "log", MODEL, started_us, origin="logged", agent_session="a")
    made = replace(call, **about) if about else call
    return Logged(key, made, Leg(MODEL, Usage(10, output=output)), key)


async def write(house: House, *rows: Logged) -> Written:
    beyond = house.guard.beyond
    beyond.writing()
    written = await house.ledger.log(Logs(rows), beyond.price_logged)
    beyond.written(written.news)
    if written.unsaid:
        beyond.unsaid()
    return written


def spent(house: House) -> dict[str, int]:
    return {one["name"]: one["spent"] for one in house.desk.status()["budgets"]}


@pytest.fixture
async def used(house: House) -> House:
    """A house of which all budgets are in use."""
    house.budgets(*BUDGETS)
    session = await house.session()
    assert await house.call(session)
    spent(house)
    return house


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(books: Books) -> None:
        raise AssertionError("all is read again")

    monkeypatch.setattr(Books, "forget", forget)


async def test_what_logs_tell_is_added_to_what_was_counted(used: House, monkeypatch: pytest.MonkeyPatch) -> None:
    before = spent(used)
    with monkeypatch.context() as patch:
        forbid(patch)
        await write(used, seen("a", 100), seen("b", 30, hours_ago=2, repo=str(used.repo)))
        await write(used, seen("a", 150), seen("c", 7, hours_ago=30), seen("d", 9, billing="subscription"))
    after = spent(used)
    assert after["tokens"] - before["tokens"] == 160 + 40 + 19
    assert after["calls"] - before["calls"] == 3
    used.guard.counting.books.forget()
    assert spent(used) == after


async def test_what_is_counted_while_it_is_written_counts_once(house: House) -> None:
    house.budgets(BUDGETS[0])
    await house.session()
    house.guard.beyond.writing()
    written = await house.ledger.log(Logs((seen("a", 100),)), house.guard.beyond.price_logged)
    assert spent(house) == {"tokens": 110}
    house.guard.beyond.written(written.news)
    assert spent(house) == {"tokens": 110}


async def test_very_much_is_read_again_at_once(used: House) -> None:
    before = spent(used)
    written = await write(used, *(seen(f"m{number}", 5, hours_ago=1) for number in range(150)))
    assert (written.added, written.news, written.unsaid) == (150, (), True)
    assert spent(used)["tokens"] - before["tokens"] == 150 * 15


async def test_a_level_is_told_once(house: House) -> None:
    house.budgets(replace(BUDGETS[0], limit=1_000, at_limit="warn"))
    assert await house.call(await house.session(), output=10)
    spent(house)
    with house.guard.hub.subscribe("budget.level") as events:
        await write(house, seen("a", 590))
        await write(house, seen("b", 10))
        await write(house, seen("c", 500))
        told = [(await anext(events)).data["level"] for _ in range(2)]
    assert told == ["info", "hard"]


async def test_whoever_keeps_sums_is_told_that_they_have_changed(used: House) -> None:
    with used.guard.hub.subscribe("calls.logged") as events:
        await write(used, seen("a", 100), seen("b", 30))
        assert (await anext(events)).data == {"count": 2}
        await write(used, *(seen(f"m{number}", 5) for number in range(150)))
        assert (await anext(events)).data == {"count": None}


async def test_a_run_has_what_it_did_beside_the_proxy(used: House) -> None:
    (session,) = used.desk.status()["sessions"]
    written = await write(
        used, seen("a", 100, session=session["id"]), seen("b", 1, session=session["id"], subagent="x")
    )
    assert written.added == 2
    (after,) = used.desk.status()["sessions"]
    assert after["calls"] == session["calls"] + 2
    assert after["cost_nanos"] > session["cost_nanos"]
    assert [one["id"] for one in after["sub_agents"]] == ["x"]


async def test_a_call_whose_log_was_there_before_it_counts_once(house: House) -> None:
    house.budgets(BUDGETS[0])
    session = await house.session()
    await write(house, seen("msg_1", 700))
    assert spent(house) == {"tokens": 710}
    assert await house.call(session)
    await house.guard.counting.tally.written()
    assert spent(house) == {"tokens": 1_000}


async def test_what_may_be_of_a_call_in_flight_counts_once_that_has_ended(house: House) -> None:
    house.budgets(BUDGETS[0])
    session = await house.session()
    call = house.begin(session)
    assert (await house.guard.admit(call, request())).refusal is None
    assert spent(house) == {"tokens": 0}
    await write(house, seen("msg_1", 100))
    await write(house, seen("msg_1", 150))
    await write(house, seen("other", 7))
    await write(house, seen("older", 5, hours_ago=1))
    # Only what began before it cannot be of it.
    assert spent(house) == {"tokens": 15}
    house.guard.settle(call, answer(output=90, input=10), status=200, outcome="ok")
    await house.guard.counting.tally.written()
    # `msg_1` was its own; the other one was somebody else's.
    assert spent(house) == {"tokens": 15 + 100 + 17}
    house.guard.counting.books.forget()
    assert spent(house) == {"tokens": 15 + 100 + 17}


async def test_a_call_in_flight_may_be_of_an_agent_that_was_started_as_something_else(house: House) -> None:
    house.budgets(BUDGETS[0])
    session = await house.session()
    call = house.begin(session)
    assert (await house.guard.admit(call, request())).refusal is None
    await write(house, seen("here", 100, agent="opencode", repo=call.repo))
    assert spent(house) == {"tokens": 0}
    await write(house, seen("elsewhere", 7, agent="opencode", repo="/src/other"))
    await write(house, seen("nowhere", 5, agent="opencode", repo=None))
    assert spent(house) == {"tokens": 17 + 15}
    house.guard.settle(call, answer(output=90, input=10), status=200, outcome="ok")
    await house.guard.counting.tally.written()
    assert spent(house) == {"tokens": 17 + 15 + 100 + 110}


async def test_whoever_counts_while_it_is_in_flight_counts_anew(house: House) -> None:
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    await write(house, seen("msg_1", 100))
    house.budgets(BUDGETS[0])
    spent(house)
    house.guard.settle(call, answer(output=90, input=10), status=200, outcome="ok")
    await house.guard.counting.tally.written()
    assert spent(house) == {"tokens": 100}


async def test_sessions_that_are_known_are_told_apart(house: House) -> None:
    house.budgets(BUDGETS[0])
    session = await house.session()
    call = replace(house.begin(session), agent_session="b")
    await house.guard.admit(call, request())
    spent(house)
    await write(house, seen("msg_7", 100))
    assert spent(house) == {"tokens": 110}
