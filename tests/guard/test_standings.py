"""What budgets hold, for whoever looks."""

from __future__ import annotations

from pathlib import Path

from tests.support.house import Clock, House, answer, request
from tokenguard.config.budgets import parse_budgets, read_repository_budgets
from tokenguard.guard.slots import call_of, zone_of
from tokenguard.policy.budgets import slots_ahead
from tokenguard.records import Budget

DOLLAR = 50_000
"""Tokens of output that cost one dollar."""
DAY_US = 24 * 3_600_000_000


def budget(**table: object) -> Budget:
    (made,) = parse_budgets([{"name": "day", "limit": "$10", "window": "day", **table}], Path("c"))
    return made


async def test_the_fullest_budget_of_a_session_is_told_first(house: House) -> None:
    house.budgets(
        budget(name="wide", limit="$100"), budget(name="narrow", limit="$2"), budget(name="unused", scope="task")
    )
    session = await house.session()
    await house.call(session, output=DOLLAR)
    standings = house.guard.counting.standings.ahead([session])
    assert [(one.slot.label, one.spent) for one in standings] == [("narrow", 10**9), ("wide", 10**9)]


async def test_looking_sets_nothing_aside_and_tells_no_level(house: House) -> None:
    house.budgets(budget(limit="$1"))
    session = await house.session()
    call = house.begin(session)
    await house.guard.admit(call, request())
    (before,) = house.guard.counting.standings.ahead([session])
    (again,) = house.guard.counting.standings.ahead([session])
    assert before == again
    assert before.spent == 0 < before.reserved
    house.guard.settle(call, answer(output=DOLLAR), status=200, outcome="ok")
    (after,) = house.guard.counting.standings.ahead([session])
    assert (after.spent, after.reserved, after.level) == (10**9, 0, "hard")


async def test_what_counted_stays_in_force_when_its_session_has_ended_but_not_its_own_limit(house: House) -> None:
    house.budgets(budget(name="own", scope="session", window="session"), budget(scope="repo"))
    session = await house.session()
    await house.call(session, output=DOLLAR)
    assert {one.slot.budget.name for one in house.guard.counting.standings.in_force([session])} == {"own", "day"}
    assert [one.slot.label for one in house.guard.counting.standings.in_force([])] == ["web/day"]


async def test_what_was_spent_before_a_restart_is_told_although_nobody_has_called_since(house: House) -> None:
    budgets = (budget(name="own", scope="session", window="session"), budget(scope="repo"))
    house.budgets(*budgets)
    await house.call(await house.session(), output=DOLLAR)
    await house.reopen(*budgets)
    assert [(one["label"], one["spent"]) for one in house.desk.status()["budgets"]] == [("web/day", 10**9)]
    house.budgets(*budgets, budget(name="all"))
    assert {one["label"] for one in house.desk.status()["budgets"]} == {"web/day", "all"}


async def test_a_window_that_is_over_is_not_in_force(house: House, clock: Clock) -> None:
    house.budgets(budget(scope="repo"))
    await house.call(await house.session(), output=DOLLAR)
    clock.now_us += DAY_US
    assert house.guard.counting.standings.in_force([]) == []


async def test_a_budget_of_a_repository_file_is_remembered_once_it_was_looked_at(house: House) -> None:
    (house.repo / "tokenguard.toml").write_text('[[budget]]\nname = "day"\nlimit = "$1"\nwindow = "day"\n')
    (own,) = read_repository_budgets(house.repo, str(house.repo))
    session = await house.session()
    await house.call(session, output=DOLLAR)
    await house.guard.counting.tally.written()
    standings = house.guard.counting.standings
    (slot,) = slots_ahead([own], call_of(session, house.guard.now()), zone_of)
    assert standings.glanced() == []
    assert standings.glance(slot).spent == 10**9
    assert standings.glanced() == [slot]
