"""What is known of a prompt before it begins agrees with what becomes of its calls."""

from __future__ import annotations

import pytest

from tests.support.house import NOON, Clock, House, answer, request
from tokenguard.guard.prompts import BILLED_US
from tokenguard.records import Budget, Session, Unit

HOUR_US = 3_600_000_000
MIDNIGHT_US = NOON + 12 * HOUR_US
DOLLAR = 1_000_000_000
DEAR = 60_000
"""Tokens of output for more than that."""


def refused(house: House, session: Session) -> tuple[str, int] | None:
    """Label of the budget that refuses whatever is asked, and until when that is known."""
    assert session.id in house.desk.runs()
    one = house.desk.refused_prompt(session.id)
    return None if one is None else (one[0].slot.label, one[1])


@pytest.mark.parametrize(
    ("budget", "until_us"),
    [
        (Budget("few", 1, scope="repo", unit=Unit.CALLS, window="day"), MIDNIGHT_US),
        (Budget("few", 1, scope="agent", unit=Unit.CALLS), 0),
        (Budget("few", DOLLAR, scope="branch", counts="all", window="day"), MIDNIGHT_US),
        (Budget("few", DOLLAR, window="day"), NOON + BILLED_US),
    ],
)
async def test_a_budget_that_is_used_up_refuses_prompts_as_calls(house: House, budget: Budget, until_us: int) -> None:
    house.budgets(budget)
    session = await house.session()
    assert refused(house, session) is None
    assert await house.call(session, output=DEAR)
    label, known_us = refused(house, session) or ("", -1)
    assert (label.rpartition("/")[2], known_us) == ("few", until_us)
    assert not await house.call(session)


async def test_the_limit_of_a_run_binds_what_runs_within_it(house: House) -> None:
    outer = await house.session(budget="0")
    inner = await house.session(parent=outer.id, agent="codex")
    assert refused(house, outer) == refused(house, inner) == (f"{outer.id}/session", 0)


async def test_a_raise_lets_prompts_through_again(house: House) -> None:
    house.budgets(Budget("few", 1, unit=Unit.CALLS, window="day"))
    session = await house.session()
    await house.call(session)
    assert refused(house, session) is not None
    await house.desk.grants.raise_budget("few", "1 call", "why", None)
    assert refused(house, session) is None
    assert await house.call(session)


async def test_a_new_day_lets_prompts_through_again(house: House, clock: Clock) -> None:
    house.budgets(Budget("few", 1, unit=Unit.CALLS, window="day"))
    session = await house.session()
    await house.call(session)
    clock.now_us = MIDNIGHT_US
    assert refused(house, session) is None


async def test_who_pays_is_not_taken_for_granted_for_long(house: House, clock: Clock) -> None:
    house.budgets(Budget("day", DOLLAR, window="day"))
    spender, other = await house.session(), await house.session()
    assert await house.call(spender, output=DEAR)
    assert refused(house, spender) == ("day", NOON + BILLED_US)
    assert refused(house, other) is None
    assert not await house.call(other)
    assert refused(house, other) == ("day", NOON + BILLED_US)
    clock.now_us = NOON + BILLED_US
    assert refused(house, spender) is None
    assert not await house.call(spender)
    assert refused(house, spender) == ("day", NOON + 2 * BILLED_US)


async def test_a_window_that_moves_along_is_looked_at_again_soon(house: House, clock: Clock) -> None:
    house.budgets(Budget("few", 1, unit=Unit.CALLS, window="rolling 5h"))
    session = await house.session()
    await house.call(session)
    label, known_us = refused(house, session) or ("", 0)
    assert (label, NOON < known_us < NOON + HOUR_US) == ("few", True)
    clock.now_us = NOON + 5 * HOUR_US + 1
    assert refused(house, session) is None


async def test_clients_without_a_run_have_nobody_to_ask(house: House) -> None:
    house.budgets(Budget("few", 1, unit=Unit.CALLS))
    await house.call(None)
    assert house.desk.runs() == []
    assert house.desk.refused_prompt("nobody") is None


async def test_an_agent_waits_for_its_person_until_it_calls(house: House) -> None:
    session = await house.session(agent="codex")

    def waits() -> bool:
        (one,) = (one for one in house.desk.status()["sessions"] if one["id"] == session.id)
        return bool(one["your_turn"])

    assert not waits()
    with house.desk.subscribe("session.turn-ended") as events:
        house.desk.turn_ended(session.id)
        assert (await anext(events)).data == {"id": session.id, "agent": "codex", "repo": str(house.repo)}
    assert waits()
    await house.call(session)
    assert not waits()


async def test_the_title_of_a_turn_that_still_runs_is_not_its_end(house: House) -> None:
    session = await house.session(agent="codex")
    call = house.begin(session)
    await house.guard.admit(call, request())
    house.desk.turn_ended(session.id)
    (one,) = (one for one in house.desk.status()["sessions"] if one["id"] == session.id)
    assert not one["your_turn"]
    house.guard.settle(call, answer(), status=200, outcome="ok")
    (one,) = (one for one in house.desk.status()["sessions"] if one["id"] == session.id)
    assert one["your_turn"]
