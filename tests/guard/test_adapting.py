"""Calls that are made to fit."""

from __future__ import annotations

from msgspec.structs import replace

from tests.guard.support import CENT, SONNET, admit, row, settle, spend
from tests.support.house import MODEL, House, request
from tokenguard.records import Budget


async def test_a_cheaper_model_serves_what_the_dear_one_cannot(house: House) -> None:
    opus = Budget(
        "opus",
        10 * CENT,
        at_limit="downgrade",
        match=(("model", "claude-opus-*"),),
        downgrade=(("claude-opus-*", SONNET),),
    )
    house.budgets(opus)
    session = await house.session()
    assert (await admit(house, session)).model is None
    await spend(house, session, 10)
    admission = await admit(house, session)
    assert (admission.model, admission.call.model, admission.call.requested) == (SONNET, SONNET, MODEL)
    assert admission.verdict.action == "downgrade" and SONNET in admission.verdict.reason
    settle(house, admission)
    await house.guard.counting.tally.written()
    assert row(house, admission.call)[:4] == ("settled", SONNET, MODEL, "opus")


async def test_a_cheaper_model_must_fit_as_well(house: House) -> None:
    house.budgets(Budget("day", 10 * CENT, at_limit="downgrade", downgrade=(("claude-opus-*", SONNET),)))
    session = await house.session()
    await spend(house, session, 10)
    admission = await admit(house, session)
    assert admission.refusal is not None and admission.verdict.budget == "day"


async def test_a_strict_budget_clamps_the_output_to_what_fits(house: House) -> None:
    house.budgets(Budget("day", 12 * CENT, mode="strict", clamp=True))
    session = await house.session()
    facts = request(size=400, max_output=8_000)
    admission = await admit(house, session, facts)
    assert admission.refusal is None and admission.max_output is not None
    assert 1_000 <= admission.max_output < 8_000
    (budget,) = house.desk.status()["budgets"]
    assert 0 <= budget["remaining"] < 40_000, "one token more would not fit"
    thinking = replace(facts, least_output=7_999)
    assert (await admit(house, session, thinking)).refusal is not None, "less than it is to think is no use"


async def test_where_a_request_has_no_limit_a_usual_one_is_put_in(house: House) -> None:
    house.budgets(Budget("day", 250 * CENT, mode="strict", clamp=True))
    admission = await admit(house, await house.session(), request(max_output=None))
    assert admission.refusal is None and admission.max_output == 32_000
