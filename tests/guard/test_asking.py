"""Agents that ask for more of a budget, and what a person answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.house import Clock, House, answer
from tokenguard.errors import UsageError
from tokenguard.guard import AskForMore, asking
from tokenguard.ledger import queries
from tokenguard.records import Budget, Session, Unit

DOLLAR = 1_000_000_000


async def ask(
    house: House, session: Session, amount: str = "5", reason: str = "the tests", **more: Any
) -> dict[str, Any]:
    return await house.desk.grants.ask_for_more(AskForMore(session.id, amount, reason, **more))


@pytest.fixture
async def session(house: House) -> Session:
    house.budgets(Budget("month", 100 * DOLLAR, window="month"), Budget("day", 10 * DOLLAR, window="day"))
    return await house.session()


def limits(house: House) -> dict[str, int]:
    return {one["name"]: one["limit"] for one in house.desk.status()["budgets"]}


async def test_a_request_is_seen_and_heard_of_like_a_call_that_waits(house: House, session: Session) -> None:
    with house.desk.subscribe("hold.asked", "hold.answered") as events:
        found = await ask(house, session, budget="day")
        (hold,) = house.desk.status()["holds"]
        assert hold["id"] == found["id"] and found["answer"] == "waiting"
        assert (hold["session"], hold["agent"], hold["budget"], hold["wants"]) == (
            session.id,
            "claude",
            "day",
            5 * DOLLAR,
        )
        assert hold["reason"] == "it asks for $5.00 more of day: the tests"
        await house.desk.grants.answer_hold(hold["id"], answer="approve", amount=None, reason=None, who="max")
        async with asyncio.timeout(30):
            told = [await anext(events), await anext(events)]
    assert [one.type for one in told] == ["hold.asked", "hold.answered"]
    assert not house.desk.status()["holds"]


@pytest.mark.parametrize(("amount", "raised"), [(None, 5), ("2", 2), ("7.50", 7.5)])
async def test_an_approval_raises_the_budget_by_what_was_asked_for_or_named(
    house: House, session: Session, amount: str | None, raised: float
) -> None:
    with house.desk.subscribe("hold.asked") as events:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            asked = group.create_task(ask(house, session, budget="day", wait_s=30))
            hold = str((await anext(events)).data["id"])
            await house.desk.grants.answer_hold(hold, answer="approve", amount=amount, reason="go on", who="max")
    found = asked.result()
    assert (found["answer"], found["who"], found["answer_reason"]) == ("approve", "max", "go on")
    assert limits(house) == {"month": 100 * DOLLAR, "day": (10 + raised) * DOLLAR}
    assert found["standing"]["limit"] == (10 + raised) * DOLLAR
    (kept,) = queries.raises(house.ledger.read(), house.clock.now_us)
    assert (kept.budget, kept.who, kept.reason) == ("day", "max", "go on")


async def test_who_does_not_wait_finds_the_budget_raised_all_the_same(house: House, session: Session) -> None:
    found = await ask(house, session, budget="day")
    await house.desk.grants.answer_hold(found["id"], answer="approve", amount=None, reason=None, who="max")
    assert limits(house)["day"] == 15 * DOLLAR


async def test_a_denial_raises_nothing_and_is_the_answer_for_a_while(
    house: House, session: Session, clock: Clock
) -> None:
    found = await ask(house, session, budget="day")
    await house.desk.grants.answer_hold(found["id"], answer="deny", amount=None, reason="use less", who="max")
    again = await ask(house, session, "50", budget="day")
    assert (again["answer"], again["answer_reason"]) == ("deny", "use less")
    assert not house.desk.status()["holds"] and limits(house)["day"] == 10 * DOLLAR
    assert (await ask(house, session, budget="month"))["answer"] == "waiting", "that is another budget"
    house.guard.asking.gone(session.id)
    await asyncio.sleep(0)
    await ask(house, session, budget="day")
    found = await ask(house, session, budget="day")
    await house.desk.grants.answer_hold(found["id"], answer="deny", amount=None, reason=None, who="max")
    await asyncio.sleep(0)
    clock.now_us += asking.QUIET_US
    assert (await ask(house, session, budget="day"))["answer"] == "waiting"
    await house.ledger.close()
    house.open()
    kinds = [(one.kind, one.reason, one.call_id) for one in queries.decisions(house.ledger.read())]
    assert kinds == [("deny", "use less", None), ("deny", None, None)]


async def test_a_session_has_one_request_at_a_time(house: House, session: Session) -> None:
    first, second = await ask(house, session, "5"), await ask(house, session, "500", "please")
    assert first["id"] == second["id"] and len(house.desk.status()["holds"]) == 1
    other = await house.session()
    assert (await ask(house, other))["id"] != first["id"]


async def test_nobody_s_answer_is_one_too(house: House, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.0)
    with house.desk.subscribe("hold.answered") as events:
        async with asyncio.timeout(30):
            await ask(house, session)
            assert (await anext(events)).data["answer"] == "expired"
    assert not house.desk.status()["holds"]
    assert limits(house)["day"] == 10 * DOLLAR


async def test_it_ends_with_its_session(house: House, session: Session) -> None:
    await ask(house, session)
    await house.desk.end_session(session.id, 0)
    assert not house.desk.status()["holds"]
    with pytest.raises(UsageError, match="is running"):
        await ask(house, session)


async def test_without_a_name_the_budget_that_is_nearest_its_end_is_meant(house: House) -> None:
    house.budgets(Budget("big", 100, unit=Unit.CALLS), Budget("few", 1, unit=Unit.CALLS, at_limit="warn"))
    session = await house.session()
    call = house.begin(session)
    house.guard.join(call)
    house.guard.settle(call, answer(output=1), status=200, outcome="ok")
    found = await ask(house, session, "3 calls")
    assert (found["budget"], found["wants"], found["unit"], found["estimate_nanos"]) == ("few", 3, "calls", 0)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"amount": "0"}, "no more than there is"),
        ({"amount": "2M tokens"}, "counts usd, not tokens"),
        ({"amount": "much"}, "is not an amount"),
        ({"budget": "year"}, "no budget year that a person here can raise"),
    ],
)
async def test_what_cannot_be_asked_for(house: House, session: Session, given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        await ask(house, session, **given)
    assert not house.desk.status()["holds"]


async def test_where_nothing_is_limited_there_is_nothing_to_ask_for(house: House) -> None:
    with pytest.raises(UsageError, match="no budget that a person here can raise"):
        await ask(house, await house.session())


async def test_the_words_of_an_agent_are_only_words(house: House, session: Session) -> None:
    found = await ask(house, session, reason="\x1b]0;x\x07 yes\n" + "x" * 5_000)
    assert found["reason"].isprintable() and len(found["reason"]) < 300
