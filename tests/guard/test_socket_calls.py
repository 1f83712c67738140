"""What only calls over a WebSocket do: warm up, go on from an answer by its id, begin by themselves."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.house import House
from tokenguard.ledger import queries
from tokenguard.records import Budget, Call, Confidence, Facts, Leg, Prompt, Reading, Session, Usage

MODEL = "gpt-6.1-sol"
WARM_UP = Facts(MODEL, stream=True, max_output=0, body_bytes=1_500)


def later(previous: str, size: int = 4_000) -> Facts:
    prompt = Prompt(messages=1, text_bytes=size - 100, continues=previous)
    uncapped = ("previous_response_id",)
    return Facts(MODEL, stream=True, max_output=500, body_bytes=size, uncapped=uncapped, prompt=prompt)


def told(prompt: int, output: int, response_id: str) -> Reading:
    return Reading((Leg(MODEL, Usage(input=prompt, output=output)),), "final", MODEL, response_id)


def begin(house: House, session: Session, facts: Facts) -> Call:
    return house.guard.begin(session, provider="openai", dialect="openai-responses", facts=facts, headers={})


def likely(house: House, session: Session) -> Usage:
    """What is expected of the next call."""
    # Nobody outside is told.
    turns = house.guard._turns  # pyright: ignore[reportPrivateUsage]
    return turns.likely(begin(house, session, later("none")), later("none"))


async def admitted(house: House, session: Session, facts: Facts) -> Call | None:
    call = begin(house, session, facts)
    return call if (await house.guard.admit(call, facts)).refusal is None else None


@pytest.mark.parametrize("reading", [Reading(state="final", response_id="resp_1"), told(300, 0, "resp_1")])
async def test_what_follows_a_warm_up_is_bounded(house: House, reading: Reading) -> None:
    house.budgets(Budget("strict", 10**12, mode="strict"))
    session = await house.session()
    call = await admitted(house, session, WARM_UP)
    assert call is not None
    house.guard.settle(call, reading, status=200, outcome="ok")
    assert await admitted(house, session, later("resp_1")) is not None
    assert await admitted(house, session, later("resp_of_somebody_else")) is None


async def test_a_warm_up_that_reports_nothing_costs_nothing_and_is_exact(house: House) -> None:
    session = await house.session()
    call = await admitted(house, session, WARM_UP)
    assert call is not None
    house.guard.settle(call, Reading(state="final", response_id="resp_1"), status=200, outcome="ok")
    await house.guard.counting.tally.written()
    totals = queries.totals(house.ledger.read())
    assert (totals.calls, totals.cost_nanos, totals.confidence) == (1, 0, Confidence.EXACT)


async def test_a_warm_up_that_is_reported_is_charged_and_marked(house: House) -> None:
    session = await house.session()
    call = await admitted(house, session, WARM_UP)
    assert call is not None
    reading = Reading((Leg(MODEL, Usage(input=300)),), "final", MODEL, "resp_1", marks=("warm-up",))
    house.guard.settle(call, reading, status=200, outcome="ok")
    await house.guard.counting.tally.written()
    totals = queries.totals(house.ledger.read())
    assert totals.cost_nanos > 0
    assert totals.confidence is Confidence.ESTIMATED


async def test_a_warm_up_does_not_teach_that_answers_are_short(house: House) -> None:
    session = await house.session()
    expected = likely(house, session)
    for number in range(20):
        call = await admitted(house, session, WARM_UP)
        assert call is not None
        house.guard.settle(call, Reading(state="final", response_id=f"resp_{number}"), status=200, outcome="ok")
    assert likely(house, session) == expected


async def test_a_call_that_began_by_itself_counts_though_the_budget_is_used_up(house: House) -> None:
    house.budgets(Budget("day", 1, window="day"))
    session = await house.session()
    call = begin(house, session, later("resp_1"))
    house.guard.join(call)
    assert house.guard.busy == 1
    house.guard.settle(call, told(1_000, 100, "resp_2"), status=200, outcome="ok")
    await asyncio.sleep(0)
    await house.guard.counting.tally.written()
    spent, _ = queries.spent(house.ledger.read())
    assert (spent.tokens, spent.calls, house.guard.busy) == (1_100, 1, 0)
    (budget,) = house.desk.status()["budgets"]
    assert budget["spent"] == spent.nanos > 0
