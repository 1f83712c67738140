"""Requests that no dialect reads."""

from __future__ import annotations

from tests.support.house import House
from tokenguard.ledger import queries
from tokenguard.records import Budget, Unit

CENT = 10_000_000


async def test_a_request_that_nobody_can_read_counts_as_unpriced(house: House) -> None:
    session = await house.session()
    house.budgets(Budget("calls", 5, unit=Unit.CALLS))
    house.guard.unread.unmetered(session, "openai", "POST", "/v1/images/generations", 200)
    house.guard.unread.unmetered(session, "openai", "POST", "/v1/images/generations", 500)
    await house.call(session)
    assert house.desk.status()["budgets"][0]["spent"] == 2
    await house.guard.counting.tally.written()
    assert queries.spent(house.ledger.read())[0].calls == 2
    totals = queries.totals(house.ledger.read())
    assert (totals.calls, totals.unpriced) == (2, 1)


async def test_a_strict_budget_lets_nothing_through_that_nobody_can_read(house: House) -> None:
    session = await house.session()
    house.budgets(Budget("day", CENT), Budget("told", CENT, mode="strict", at_limit="warn"))
    assert house.guard.unread.why_not(session, "anthropic") is None
    house.budgets(Budget("ours", CENT, scope="repo", mode="strict"))
    reason = house.guard.unread.why_not(session, "anthropic")
    assert reason is not None and "web/ours is strict" in reason
    assert house.guard.unread.why_not(None, "anthropic") is None, "it does not count what is outside its repository"
