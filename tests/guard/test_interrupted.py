"""What calls are charged that did not end as they should: the rule, the interval and the mark of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.house import MODEL, Clock, House, answer, request
from tokenguard import wire
from tokenguard.guard import showing
from tokenguard.ledger import queries
from tokenguard.policy.interrupted import FASTEST
from tokenguard.records import Facts, Leg, Reading, Usage

STARTED = answer(input=1_000, output=1, state="partial")
ERROR = replace(STARTED, error="overloaded_error")


async def settled(house: House, reading: Reading, status: int | None, outcome: str, facts: Facts | None = None) -> Any:
    """The ledger's row of a call that ended like this, by column."""
    facts = facts or request()
    call = house.begin(await house.session(), facts)
    await house.guard.admit(call, facts)
    house.guard.settle(call, reading, status=status, outcome=outcome)
    await house.guard.counting.tally.written()
    cursor = house.ledger.read().execute("SELECT * FROM calls WHERE id = ?", [call.id])
    row = cursor.fetchone()
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


RULES: list[tuple[str, Reading, int | None, str, str, bool]] = [
    ("an error inside the stream", ERROR, 200, "provider-error", "provider-error", False),
    ("a cut stream", STARTED, 200, "cut", "cut-stream", True),
    ("a client that left", STARTED, 200, "client-gone", "client-gone", True),
    ("no usage", Reading(response_id="r", output_bytes=400), 200, "ok", "no-usage", True),
    ("no final usage", STARTED, 200, "ok", "no-final-usage", True),
    ("all zero", Reading(response_id="r", marks=("all-zero-usage",)), 200, "ok", "all-zero-usage", True),
    ("more than there can be", answer(output=1 << 53), 200, "ok", "malformed-usage", True),
    ("half an event", replace(STARTED, marks=("half-event",)), 200, "ok", "half-event", True),
    ("a page of somebody else's", Reading(), 200, "ok", "no-usage", False),
    ("no answer", Reading(marks=("sent",)), None, "client-gone", "sent", False),
    ("no answer from there", Reading(marks=("sent",)), None, "unreachable", "sent", False),
]


@pytest.mark.parametrize(
    ("reading", "status", "outcome", "mark", "certain"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES]
)
async def test_what_has_no_bill_is_charged_within_an_interval(
    house: House, reading: Reading, status: int | None, outcome: str, mark: str, certain: bool
) -> None:
    facts = replace(request(), prompt=replace(request().prompt, messages=1, text_bytes=3_200))
    row = await settled(house, reading, status, outcome, facts)
    assert mark in json.loads(row["marks"])
    assert row["confidence"] == "estimated" and row["outcome"] == outcome
    assert 0 <= row["cost_low"] <= row["cost_nanos"] < row["cost_high"]
    assert (row["cost_low"] > 0) is certain


@pytest.mark.parametrize("status", [None, 400, 529])
async def test_what_never_began_costs_exactly_nothing(house: House, status: int | None) -> None:
    row = await settled(house, Reading(), status, "unreachable")
    assert (row["cost_nanos"], row["cost_low"], row["cost_high"], row["confidence"]) == (0, None, None, "exact")
    assert row["marks"] == ('["unreachable"]' if status is None else None)


async def test_contradictory_usage_is_between_its_readings(house: House) -> None:
    cached = b'"prompt_tokens_details":{"cached_tokens":50}'
    meter = wire.DIALECTS["openai-chat"].meter(Facts(MODEL), "openai", stream=False)
    meter.feed(
        b'{"id":"c","model":"%b","usage":{"prompt_tokens":10,"completion_tokens":2,%b}}' % (MODEL.encode(), cached)
    )
    row = await settled(house, meter.reading(ended=True), 200, "ok")
    assert "contradictory-usage" in json.loads(row["marks"]) and row["confidence"] == "estimated"
    assert row["cost_low"] < row["cost_nanos"] < row["cost_high"]


@pytest.mark.parametrize("mark", ["meter-failed", "undecodable"])
async def test_what_was_not_read_is_charged_at_its_bound(house: House, mark: str) -> None:
    row = await settled(house, replace(STARTED, marks=(mark,)), 200, "ok", request(max_output=8_000))
    assert row["confidence"] == "bound" and mark in json.loads(row["marks"])
    assert row["cost_low"] < row["cost_nanos"] == row["cost_high"]
    assert row["output"] == 8_000
    assert row["cost_nanos"] == 1_000 * 4_000 + 8_000 * 20_000


async def test_what_was_drained_is_exact_and_says_so(house: House) -> None:
    row = await settled(house, replace(answer(output=1_000), marks=("drained",)), 200, "client-gone")
    assert (row["cost_nanos"], row["confidence"], row["cost_low"]) == (20_000_000, "exact", None)
    assert json.loads(row["marks"]) == ["drained"]


async def test_the_longer_a_call_ran_the_more_it_can_have_cost(house: House, clock: Clock) -> None:
    first = await settled(house, STARTED, 200, "client-gone", request(max_output=None))
    facts = request(max_output=None)
    call = house.begin(await house.session(), facts)
    await house.guard.admit(call, facts)
    clock.now_us += 30_000_000
    house.guard.settle(call, STARTED, status=200, outcome="client-gone")
    await house.guard.counting.tally.written()
    high = house.ledger.read().execute("SELECT cost_high FROM calls WHERE id = ?", [call.id]).fetchone()[0]
    assert high == first["cost_high"] + 30 * FASTEST * 20_000


async def test_fees_of_tools_that_ran_are_charged(house: House) -> None:
    ran = replace(STARTED, legs=(Leg(MODEL, Usage(input=1_000), fees=(("web_search", 2),)),))
    row = await settled(house, ran, 200, "client-gone")
    assert row["cost_low"] == 1_000 * 4_000 + 2 * 10_000_000


async def test_sums_tell_the_interval(house: House) -> None:
    row = await settled(house, STARTED, 200, "client-gone")
    (session,) = [one for one in house.desk.status()["sessions"] if one["calls"]]
    for sums in (session, showing.totals_view(queries.totals(house.ledger.read()))):
        assert (sums["cost_low_nanos"], sums["cost_high_nanos"]) == (row["cost_low"], row["cost_high"])


async def test_a_price_that_is_a_bound_makes_nothing_certain(house: House) -> None:
    row = await settled(house, answer(input=1_000, state="partial", model="claude-nonesuch-9"), 200, "client-gone")
    assert (row["confidence"], row["cost_low"]) == ("bound", 0)


async def test_a_call_can_end_after_its_session(house: House) -> None:
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    await house.desk.end_session(session.id, 0)
    assert house.guard.busy == 1
    house.guard.settle(call, answer(output=1_000), status=200, outcome="client-gone")
    await house.guard.counting.tally.written()
    assert house.guard.busy == 0
    assert all(not live.totals.calls for live in house.guard.sessions.running.all())
    (row,) = house.ledger.read().execute("SELECT session, cost_nanos FROM calls").fetchall()
    assert row == (session.id, 20_000_000)
