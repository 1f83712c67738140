"""Calls that wait for a person."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.guard.support import CENT, admit, asked, settle, spend
from tests.support.house import MODEL, House, request
from tokenguard.config.sections import PreflightSettings
from tokenguard.errors import UsageError
from tokenguard.ledger import queries
from tokenguard.policy.forecast import DAY_US
from tokenguard.policy.retrying import is_safe
from tokenguard.records import Budget


async def test_an_approved_call_goes_through_and_raises_its_budget_by_what_it_takes(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(admit(house, session))
        hold = await asked(house)
        (shown,) = house.desk.status()["holds"]
        assert (shown["session"], shown["agent"], shown["model"], shown["budget"]) == (
            session.id,
            "claude",
            MODEL,
            "day",
        )
        assert shown["estimate_nanos"] > 0 and is_safe(shown["reason"])
        assert [one["state"] for one in house.desk.status()["sessions"] if one["id"] == session.id] == ["waiting"]
        await house.desk.grants.answer_hold(hold, answer="approve", amount=None, reason="nearly done", who="max")
    admission = waiting.result()
    assert admission.refusal is None and admission.verdict.reason == "approved by max"
    (raised,) = queries.raises(house.ledger.read(), house.clock.now_us)
    assert (raised.who, raised.reason, raised.budget) == ("max", "nearly done", "day")
    (budget,) = house.desk.status()["budgets"]
    assert budget["limit"] == 10 * CENT + raised.amount and budget["remaining"] >= 0
    assert raised.amount % (CENT // 10) == 0
    (decision,) = queries.decisions(house.ledger.read())
    assert (decision.kind, decision.who, decision.reason, decision.call_id) == (
        "approve",
        "max",
        "nearly done",
        admission.call.id,
    )
    assert house.desk.status()["holds"] == []
    settle(house, admission)


async def test_the_next_model_down_serves_a_call_if_a_person_says_so(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(admit(house, session))
        hold = await asked(house)
        (shown,) = house.desk.status()["holds"]
        cheaper = shown["cheaper"]
        assert "sonnet" in cheaper["model"] and 0 < cheaper["estimate_nanos"] < shown["estimate_nanos"]
        with pytest.raises(UsageError, match="a denial takes no amount"):
            await house.desk.grants.answer_hold(hold, answer="deny", amount="5", reason=None)
        await house.desk.grants.answer_hold(hold, answer="cheaper", amount=None, reason="it is only a test", who="max")
    admission = waiting.result()
    assert (admission.model, admission.call.model, admission.call.requested) == (
        cheaper["model"],
        cheaper["model"],
        MODEL,
    )
    assert admission.verdict.action == "downgrade"
    assert admission.verdict.reason == f"max lets {cheaper['model']} serve in place of {MODEL}"
    (raised,) = queries.raises(house.ledger.read(), house.clock.now_us)
    assert raised.amount < shown["estimate_nanos"] * 10
    (decision,) = queries.decisions(house.ledger.read())
    assert (decision.kind, decision.reason) == ("approve", f"with {cheaper['model']} it is only a test")
    settle(house, admission)


async def test_where_there_is_no_cheaper_model_none_is_offered(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(admit(house, session, request(model="claude-haiku-4-5")))
        hold = await asked(house)
        assert house.desk.status()["holds"][0]["cheaper"] is None
        with pytest.raises(UsageError, match="there is no cheaper model"):
            await house.desk.grants.answer_hold(hold, answer="cheaper", amount="5", reason=None)
        assert queries.raises(house.ledger.read(), house.clock.now_us) == []
        await house.desk.grants.answer_hold(hold, answer="deny", amount=None, reason=None)
    assert waiting.result().refusal is not None


async def test_a_denied_call_is_refused_with_the_reason(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(admit(house, session))
        await house.desk.grants.answer_hold(
            await asked(house), answer="deny", amount=None, reason="use the cache", who="max"
        )
    admission = waiting.result()
    assert admission.refusal is not None
    assert "max said no: use the cache" in admission.verdict.reason and is_safe(admission.verdict.reason)
    await house.guard.counting.tally.written()
    assert queries.raises(house.ledger.read(), house.clock.now_us) == []


async def test_an_approval_with_an_amount_makes_room_for_others_too(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(admit(house, session)) for _ in range(3)]
        hold = await asked(house)
        with pytest.raises(UsageError, match="counts usd"):
            await house.desk.grants.answer_hold(hold, answer="approve", amount="3 calls", reason=None)
        await house.desk.grants.answer_hold(hold, answer="approve", amount="5", reason=None)
    assert [one.result().refusal for one in waiting] == [None, None, None]
    assert house.desk.status()["budgets"][0]["limit"] == 510 * CENT


async def test_a_call_that_waits_goes_on_when_a_raise_makes_room(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(admit(house, session))
        await asked(house)
        await house.desk.grants.raise_budget("day", "1", "more work", None)
    assert waiting.result().refusal is None


async def test_nobody_answers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenguard.agents.claude.HOLD_SECONDS", 0.05)
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    with house.desk.subscribe() as events:
        admission = await admit(house, session)
        kinds: list[tuple[str, object]] = []
        async for event in events:
            kinds.append((event.type, event.data.get("answer")))
            if event.type == "call.refused":
                break
    assert admission.refusal is not None and "nobody approved it in time" in admission.verdict.reason
    assert kinds == [("hold.asked", None), ("hold.answered", "expired"), ("call.refused", None)]


async def test_an_agent_that_leaves_while_its_call_waits_leaves_nothing_behind(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(admit(house, session))
        hold = await asked(house)
        waiting.cancel()
    status = house.desk.status()
    assert status["holds"] == [] and status["budgets"][0]["reserved"] == 0 and house.guard.busy == 0
    with pytest.raises(UsageError, match="waiting"):
        await house.desk.grants.answer_hold(hold, answer="approve", amount=None, reason=None)


async def test_a_budget_that_refuses_is_not_asked_about(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="hold"), Budget("week", 10 * CENT, window="week"))
    session = await house.session()
    await spend(house, session, 10)
    admission = await admit(house, session)
    assert admission.refusal is not None and admission.verdict.budget == "week"


async def test_a_call_that_waits_goes_on_when_its_window_begins_anew(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, window="day", timezone="UTC", at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    midnight_us = (house.clock.now_us // DAY_US + 1) * DAY_US
    house.clock.now_us = midnight_us - 1
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(admit(house, session))
        await asked(house)
        house.clock.now_us = midnight_us + 5
    admission = waiting.result()
    assert admission.verdict.reason == "it waited until there was room"
    assert admission.call.started_us == midnight_us + 5, "it counts where it was let through"
    (day,) = [one for one in house.desk.status()["budgets"] if one["reserved"]]
    assert (day["spent"], house.ledger.read().execute("SELECT max(started_us) FROM calls").fetchone()) == (
        0,
        (midnight_us + 5,),
    )


async def test_a_call_counts_from_when_it_was_approved(house: House) -> None:
    house.budgets(Budget("hours", 10 * CENT, window="rolling 5h", at_limit="hold"))
    session = await house.session()
    await spend(house, session, 10)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(admit(house, session))
        hold = await asked(house)
        house.clock.now_us += 60_000_000
        await house.desk.grants.answer_hold(hold, answer="approve", amount=None, reason="release")
    assert waiting.result().call.started_us == house.clock.now_us


async def test_a_dear_call_can_wait_for_approval(house: House) -> None:
    house.guard.reload(replace(house.config(), preflight=PreflightSettings(above=0.5, at_limit="hold")))
    session = await house.session()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(admit(house, session, request(size=4_000_000)))
        hold = await asked(house)
        with pytest.raises(UsageError, match="no budget"):
            await house.desk.grants.answer_hold(hold, answer="approve", amount="5", reason=None)
        await house.desk.grants.answer_hold(hold, answer="approve", amount=None, reason=None)
    assert waiting.result().refusal is None
