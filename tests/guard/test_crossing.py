from __future__ import annotations

import asyncio
import json

import pytest
from msgspec.structs import replace

from tests.support.house import MODEL, NOON, Clock, House, answer, request
from tokenguard.config.zones import local_zone
from tokenguard.ledger import queries
from tokenguard.records import Amount, Budget, Confidence, Event, Facts, Reading, Unit, Usage

CENT = 10_000_000
DAY = 86_400_000_000


async def charges(house: House) -> Amount:
    """What the ledger says was spent, without the buckets of its tokens."""
    await house.guard.counting.tally.written()
    return replace(queries.spent(house.ledger.read())[0], usage=Usage())


async def test_a_call_is_admitted_settled_and_in_the_ledger(house: House) -> None:
    session = await house.session()
    assert await house.call(session, output=1_000)
    assert await charges(house) == Amount(nanos=2 * CENT, tokens=1_000, calls=1)
    totals = queries.totals(house.ledger.read())
    assert (totals.calls, totals.cost_nanos, totals.confidence) == (1, 2 * CENT, Confidence.EXACT)


async def test_a_used_up_budget_refuses_the_next_call_and_says_why(house: House) -> None:
    house.budgets(Budget("day", 5 * CENT, scope="repo", window="day"))
    session = await house.session()
    results = [await house.call(session, output=1_000) for _ in range(6)]
    assert results == [True, True, False, False, False, False]
    call = house.begin(session)
    admission = await house.guard.admit(call, request())
    assert admission.refusal is not None
    assert (admission.verdict.action, admission.verdict.budget) == ("refuse", "web/day")
    text = json.loads(admission.refusal.body)["error"]["message"]
    assert "the day budget of repository web" in text
    assert "0.04 of 0.05 USD" in text
    assert "tokenguard budget raise web/day --amount" in text
    assert await charges(house) == Amount(nanos=4 * CENT, tokens=2_000, calls=2)


async def test_what_a_call_may_take_is_reserved_until_it_settles(house: House) -> None:
    house.budgets(Budget("day", 100 * CENT, window="day"))
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    (budget,) = house.desk.status()["budgets"]
    assert budget["spent"] == 0
    assert budget["reserved"] > 0
    assert budget["remaining"] == 100 * CENT - budget["reserved"]
    house.guard.settle(call, answer(output=500), status=200, outcome="ok")
    (budget,) = house.desk.status()["budgets"]
    assert (budget["spent"], budget["reserved"]) == (CENT, 0)


async def test_a_reservation_is_in_the_ledger_before_the_call_is_admitted(house: House) -> None:
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    ((found, reserved),) = queries.open_reservations(house.ledger.read())
    assert found.id == call.id
    assert reserved.nanos >= 8_000 * 20_000  # all the output that the request allows, at the model's price


async def test_budgets_of_tokens_and_calls(house: House) -> None:
    house.budgets(Budget("calls", 2, unit=Unit.CALLS), Budget("tokens", 10_000, unit=Unit.TOKENS))
    session = await house.session()
    assert [await house.call(session, output=2_000) for _ in range(3)] == [True, True, False]
    house.budgets(Budget("tokens", 8_000, unit=Unit.TOKENS))
    # By what came out so far the next one takes more than the 2,000 tokens that are then left.
    assert [await house.call(session, output=2_000) for _ in range(3)] == [True, False, False]


async def test_all_budgets_must_agree_and_none_reserves_when_one_refuses(house: House) -> None:
    house.budgets(Budget("wide", 1_000 * CENT), Budget("none", 0))
    session = await house.session()
    assert not await house.call(session)
    assert {budget["label"]: budget["reserved"] for budget in house.desk.status()["budgets"]} == {"wide": 0, "none": 0}


async def test_the_limit_of_a_run_is_its_own(house: House) -> None:
    tight, other = await house.session(budget="0.05"), await house.session()
    assert [await house.call(tight) for _ in range(3)] == [True, True, False]
    assert await house.call(other)


async def test_a_budget_that_only_warns_lets_the_call_through(house: House) -> None:
    house.budgets(Budget("day", CENT, at_limit="warn"))
    session = await house.session()
    assert await house.call(session)
    call = house.begin(session)
    admission = await house.guard.admit(call, request())
    assert admission.refusal is None
    assert (admission.verdict.action, admission.verdict.budget) == ("warn", "day")
    house.guard.settle(call, answer(), status=200, outcome="ok")


async def test_a_strict_budget_reserves_the_worst_case(house: House) -> None:
    house.budgets(Budget("strict", 20 * CENT, mode="strict"))
    session = await house.session()
    call = house.begin(session)
    assert (await house.guard.admit(call, request(max_output=5_000))).refusal is None
    (budget,) = house.desk.status()["budgets"]
    assert budget["reserved"] >= 5_000 * 20_000 + 4_000 * 4_000
    house.guard.settle(call, answer(), status=200, outcome="ok")


async def test_a_strict_budget_refuses_what_nothing_bounds(house: House) -> None:
    house.budgets(Budget("strict", 10**15, mode="strict"))
    session = await house.session()
    call = house.begin(session)
    admission = await house.guard.admit(call, Facts(MODEL, body_bytes=10, max_output=5, uncapped=("web_search",)))
    assert admission.refusal is not None
    assert b"nothing bounds" in admission.refusal.body


async def test_a_strict_budget_refuses_what_has_no_listed_price(house: House) -> None:
    house.budgets(Budget("strict", 10**15, mode="strict"))
    facts = request(model="claude-nonesuch-9")
    admission = await house.guard.admit(house.begin(await house.session(), facts), facts)
    assert admission.refusal is not None


@pytest.mark.parametrize("mode", ["strict", "calibrated"])
async def test_parallel_calls_cannot_pass_a_limit_together(house: House, mode: str) -> None:
    house.budgets(Budget("calls", 5, unit=Unit.CALLS, mode=mode))
    session = await house.session()
    calls = [house.begin(session) for _ in range(20)]

    async def admit(index: int) -> bool:
        return (await house.guard.admit(calls[index], request())).refusal is None

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(admit(index)) for index in range(20)]
        while not any(task.done() for task in tasks):  # noqa: ASYNC110 - what is waited for is the writer's commit
            await asyncio.sleep(0)
        admitted = [call for call in calls if house.guard.counting.books.reserved_for(call.id)]
        assert len(admitted) == 5
        for call in admitted:
            house.guard.settle(call, answer(), status=200, outcome="ok")
    assert sum(task.result() for task in tasks) == 5


async def test_a_call_that_only_reservations_block_waits_for_one_to_settle(house: House) -> None:
    house.budgets(Budget("day", 30 * CENT, mode="strict"))
    session = await house.session()
    first, second = house.begin(session), house.begin(session)
    assert (await house.guard.admit(first, request())).refusal is None
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(house.guard.admit(second, request()))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        house.guard.settle(first, answer(output=10), status=200, outcome="ok")
    assert waiting.result().refusal is None


@pytest.mark.parametrize("status", [None, 302, 400, 401, 429, 500, 529])
async def test_what_failed_before_output_costs_nothing(house: House, status: int | None) -> None:
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    house.guard.settle(call, Reading(), status=status, outcome="provider-error")
    assert await charges(house) == Amount(calls=1)


@pytest.mark.parametrize(
    ("reading", "status"),
    [
        (Reading(), 200),
        (Reading(output_bytes=400), 200),
        (answer(state="partial"), 200),
        (replace(answer(output=0), marks=("all-zero-usage",)), 200),
        (replace(answer(), marks=("candidates-fell",)), 200),
        (Reading(marks=("sent",)), None),
    ],
)
async def test_what_has_no_bill_is_charged_and_marked(house: House, reading: Reading, status: int | None) -> None:
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    house.guard.settle(call, reading, status=status, outcome="cut")
    assert (await charges(house)).nanos > 0
    assert queries.totals(house.ledger.read()).confidence is Confidence.ESTIMATED


async def test_an_unknown_model_is_never_free(house: House) -> None:
    session = await house.session()
    facts = request(model="claude-nonesuch-9")
    call = house.begin(session, facts)
    await house.guard.admit(call, facts)
    house.guard.settle(call, answer(model="claude-nonesuch-9"), status=200, outcome="ok")
    assert (await charges(house)).nanos > 0
    assert queries.totals(house.ledger.read()).confidence is Confidence.BOUND


async def test_a_new_day_is_a_new_window(house: House, clock: Clock) -> None:
    house.budgets(Budget("day", 5 * CENT, window="day"))
    session = await house.session()
    assert [await house.call(session) for _ in range(3)] == [True, True, False]
    clock.now_us += DAY
    assert await house.call(session)


async def test_a_clock_that_is_set_back_opens_no_window_again(house: House, clock: Clock) -> None:
    house.budgets(Budget("day", 5 * CENT, window="day"))
    session = await house.session()
    assert [await house.call(session) for _ in range(3)] == [True, True, False]
    clock.now_us -= DAY
    assert not await house.call(session)


async def test_budgets_that_change_count_what_was_spent_before(house: House) -> None:
    session = await house.session()
    assert await house.call(session)
    house.budgets(Budget("day", 3 * CENT, window="day"))
    assert not await house.call(session)


async def test_budgets_that_change_while_a_call_runs_count_it_once(house: House) -> None:
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    house.budgets(Budget("day", 100 * CENT))
    assert house.desk.status()["budgets"][0]["reserved"] > 0
    house.guard.settle(call, answer(), status=200, outcome="ok")
    (budget,) = house.desk.status()["budgets"]
    assert (budget["spent"], budget["reserved"]) == (2 * CENT, 0)
    await house.guard.counting.tally.written()
    house.budgets(Budget("day", 100 * CENT))
    assert house.desk.status()["budgets"][0]["spent"] == 2 * CENT


async def test_what_a_crash_left_open_stays_reserved_then_is_charged_at_its_worst(house: House, clock: Clock) -> None:
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    await house.reopen(Budget("day", 100 * CENT))
    (budget,) = house.desk.status()["budgets"]
    reserved = budget["reserved"]
    assert (budget["spent"], reserved > 0) == (0, True)
    await house.guard.tick()
    assert house.desk.status()["budgets"][0]["reserved"] == reserved
    clock.now_us += 601_000_000
    await house.guard.tick()
    (budget,) = house.desk.status()["budgets"]
    assert (budget["spent"], budget["reserved"]) == (reserved, 0)
    totals = queries.totals(house.ledger.read())
    assert (totals.cost_nanos, totals.confidence) == (reserved, Confidence.BOUND)


@pytest.mark.parametrize("days", [1, 40])
async def test_a_clock_that_was_set_back_does_not_keep_what_a_crash_left_open(
    house: House, clock: Clock, days: int
) -> None:
    house.budgets(Budget("day", 100 * CENT))
    await house.guard.admit(house.begin(None), request())
    clock.now_us -= days * 24 * 3_600_000_000
    await house.reopen(Budget("day", 100 * CENT))
    await house.guard.tick()
    assert house.desk.status()["budgets"][0]["reserved"] > 0
    clock.now_us += 601_000_000
    await house.guard.tick()
    (budget,) = house.desk.status()["budgets"]
    assert budget["reserved"] == 0 < budget["spent"]


async def test_books_equal_the_ledger_after_a_restart(house: House) -> None:
    day = Budget("day", 100 * CENT, scope="repo", window="day")
    house.budgets(day)
    session = await house.session()
    for output in (10, 2_000, 333):
        await house.call(session, output=output)
    await house.guard.counting.tally.written()
    (before,) = house.desk.status()["budgets"]
    await house.reopen(day)
    await house.session()
    (after,) = house.desk.status()["budgets"]
    # How much calls vary is seen anew by every process.
    assert after | {"overshoot": 0} == before | {"overshoot": 0}


async def test_a_clock_that_is_set_back_while_no_daemon_runs_opens_no_window_again(house: House, clock: Clock) -> None:
    day = Budget("day", 4 * CENT, window="day")
    house.budgets(day)
    while await house.call(None):
        pass
    await house.guard.counting.tally.written()
    clock.now_us -= 3 * 24 * 3_600_000_000
    await house.reopen(day)
    assert not await house.call(None)
    clock.now_us -= 30 * 24 * 3_600_000_000
    await house.reopen(day)
    assert await house.call(None), "a clock that was a month ahead had been wrong"


async def test_a_token_is_known_again_after_a_crash(house: House) -> None:
    session = await house.session(budget="0.05")
    assert [await house.call(session) for _ in range(2)] == [True, True]
    token = house.token
    await house.guard.counting.tally.written()
    await house.reopen()
    again = house.guard.session_of(token)
    assert again is not None
    assert again.id == session.id
    assert not await house.call(again)
    assert house.guard.session_of("nonesuch") is None


async def test_a_token_of_an_ended_session_is_not_known(house: House) -> None:
    session = await house.session()
    await house.desk.end_session(session.id, 0)
    assert house.guard.session_of(house.token) is None


async def test_calls_without_a_session_belong_to_the_unwrapped_ones(house: House) -> None:
    assert await house.call(None)
    (session,) = house.desk.status()["sessions"]
    assert (session["id"], session["calls"]) == ("unwrapped", 1)


@pytest.mark.parametrize(
    ("asked", "nanos"),
    [("global.anthropic.claude-sonnet-5-5", 3_000_000), ("us.anthropic.claude-sonnet-5-5", 3_300_000)],
)
async def test_bedrock_s_models_cost_what_their_ids_say_though_answers_leave_it_out(
    house: House, asked: str, nanos: int
) -> None:
    call = house.guard.begin(None, provider="bedrock", dialect="bedrock-invoke", facts=Facts(asked), headers={})
    house.guard.join(call)
    reading = answer(input=1_000, output=100, model="claude-sonnet-5-5")
    house.guard.settle(call, reading, status=200, outcome="ok")
    assert await charges(house) == Amount(nanos, 1_100, 1)


async def test_events_tell_what_happens(house: House) -> None:
    house.budgets(Budget("day", 5 * CENT))
    seen: list[Event] = []
    with house.desk.subscribe() as events:
        session = await house.session()
        for _ in range(3):
            await house.call(session)
        await house.desk.end_session(session.id, 0)
        async for event in events:
            seen.append(event)
            if event.type == "session.ended":
                break
    kinds = [event.type for event in seen]
    assert kinds[:3] == ["session.started", "call.started", "call.settled"]
    assert kinds.count("call.settled") == 2
    assert kinds.count("call.refused") == 1
    levels = [event.data["level"] for event in seen if event.type == "budget.level"]
    assert levels == ["warn"]
    settled = next(event for event in seen if event.type == "call.settled")
    assert (settled.data["cost_nanos"], settled.data["session"]) == (2 * CENT, session.id)


def test_noon_is_noon() -> None:
    from datetime import UTC, datetime

    assert datetime.fromtimestamp(NOON / 1_000_000, UTC).isoformat() == "2026-11-21T12:00:00+00:00"
    assert local_zone() is not None
