"""Budgets that people raise."""

from __future__ import annotations

from tests.guard.support import CENT
from tests.support.house import House
from tokenguard.records import Budget


async def test_looking_for_a_budget_to_raise_leaves_no_trace(house: House) -> None:
    house.budgets(Budget("tasks", 100 * CENT, scope="task"), Budget("day", 100 * CENT))
    for task in ("one", "two"):
        session = await house.session(task=task)
        await house.desk.end_session(session.id, 0)
    await house.desk.grants.raise_budget("one/tasks", "1", "more", None)
    assert {one["label"] for one in house.desk.status()["budgets"]} == {"day", "one/tasks"}


async def test_a_budget_can_be_raised_before_anything_is_written(house: House) -> None:
    house.budgets(Budget("day", CENT))
    raised = await house.desk.grants.raise_budget("day", "1", "the tests need it", None)
    assert raised["limit"] == 100 * CENT + CENT
    assert await house.call(None)
