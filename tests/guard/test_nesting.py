"""Runs within runs: what the inner one spends counts in every run around it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.house import House
from tokenguard.errors import UsageError
from tokenguard.guard import OpenSession
from tokenguard.guard.nesting import DEEPEST
from tokenguard.records import Budget, Session

CENT = 10_000_000


async def spend(house: House, session: Session) -> bool:
    """Two cents, if they are to be had."""
    return await house.call(session, output=1_000)


async def limits(house: House) -> dict[str, int]:
    """Label of each budget -> cents that are spent of it."""
    await house.guard.counting.tally.written()
    return {one["label"]: one["spent"] // CENT for one in house.desk.status()["budgets"]}


async def test_the_limit_of_a_run_holds_for_what_runs_within_it(house: House) -> None:
    outer = await house.session(budget="0.05")
    inner = await house.session(parent=outer.id, agent="codex")
    assert [await spend(house, inner), await spend(house, outer), await spend(house, inner)] == [True, True, False]
    assert not await spend(house, outer)
    assert await limits(house) == {f"{outer.id}/session": 4}


async def test_and_for_what_runs_within_that(house: House) -> None:
    outer = await house.session(budget="0.05")
    middle = await house.session(parent=outer.id, budget="1")
    inner = await house.session(parent=middle.id)
    assert [await spend(house, inner) for _ in range(3)] == [True, True, False]
    assert await limits(house) == {f"{outer.id}/session": 4, f"{middle.id}/session": 4}


async def test_the_limit_of_an_inner_run_is_its_own(house: House) -> None:
    outer = await house.session(budget="1")
    inner = await house.session(parent=outer.id, budget="0.05")
    assert [await spend(house, inner) for _ in range(3)] == [True, True, False]
    assert await spend(house, outer)
    assert await limits(house) == {f"{outer.id}/session": 6, f"{inner.id}/session": 4}


async def test_a_budget_for_every_session_counts_what_is_within_it(house: House) -> None:
    house.budgets(Budget("each", 5 * CENT, scope="session", window="session"))
    outer = await house.session()
    inner = await house.session(parent=outer.id)
    other = await house.session()
    assert [await spend(house, outer), await spend(house, inner), await spend(house, inner)] == [True, True, False]
    assert await spend(house, other)
    assert await limits(house) == {f"{outer.id}/each": 4, f"{inner.id}/each": 2, f"{other.id}/each": 2}


async def test_a_budget_that_is_looked_at_late_counts_what_was_spent_within(house: House) -> None:
    outer = await house.session()
    inner = await house.session(parent=outer.id)
    assert await spend(house, inner)
    await house.guard.counting.tally.written()
    house.budgets(Budget("each", 3 * CENT, scope="session", window="session"))
    assert not await spend(house, outer)


async def test_another_daemon_knows_what_is_within_what(house: House) -> None:
    outer = await house.session(budget="0.05")
    inner = await house.session(parent=outer.id)
    token = house.token
    assert await spend(house, inner)
    await house.guard.counting.tally.written()
    await house.reopen()
    again = house.guard.session_of(token)
    assert again is not None and again.parent == outer.id
    assert [await spend(house, again), await spend(house, again)] == [True, False]


async def test_a_run_that_registers_again_stays_where_it_was(house: House) -> None:
    outer = await house.session(budget="0.05")
    inner = await house.session(parent=outer.id)
    asked = OpenSession(agent="claude", cwd=str(house.repo), id=inner.id, token=house.token, parent="gone")
    await house.reopen()
    again, _ = await house.desk.open_session(asked)
    assert again.parent == outer.id
    assert [await spend(house, again) for _ in range(3)] == [True, True, False]


async def test_a_run_that_has_ended_still_limits_what_goes_on_within_it(house: House) -> None:
    outer = await house.session(budget="0.05")
    inner = await house.session(parent=outer.id)
    assert await spend(house, inner)
    summary = await house.desk.end_session(outer.id, 0)
    assert [(one["id"], one["running"], one["calls"]) for one in summary["inner"]] == [(inner.id, True, 1)]
    assert [await spend(house, inner), await spend(house, inner)] == [True, False]


async def test_what_a_run_cost_is_told_with_what_ran_within_it(house: House) -> None:
    outer = await house.session(budget="1")
    inner = await house.session(parent=outer.id, agent="codex")
    innermost = await house.session(parent=inner.id, agent="pi")
    for session in (outer, inner, innermost):
        assert await spend(house, session)
    (status,) = [one for one in house.desk.status()["sessions"] if one["id"] == inner.id]
    assert (status["parent"], status["calls"], status["cost_nanos"]) == (outer.id, 1, 2 * CENT)
    told = await house.desk.end_session(inner.id, 0)
    assert (told["calls"], told["cost_nanos"]) == (2, 4 * CENT)
    assert [budget["key"] for budget in told["budgets"]] == [outer.id]
    told = await house.desk.end_session(outer.id, 0)
    assert (told["calls"], told["cost_nanos"]) == (3, 6 * CENT)
    assert {(one["agent"], one["running"], one["calls"], one["cost_nanos"]) for one in told["inner"]} == {
        ("codex", False, 1, 2 * CENT),
        ("pi", True, 1, 2 * CENT),
    }


@pytest.mark.parametrize("parent", [None, "", "never", "unwrapped"])
async def test_what_is_no_session_that_runs_is_no_parent(house: House, parent: str | None) -> None:
    assert (await house.session(parent=parent)).parent is None


async def test_nor_is_one_that_has_ended(house: House) -> None:
    outer = await house.session()
    await house.desk.end_session(outer.id, 0)
    assert (await house.session(parent=outer.id)).parent is None


async def test_runs_within_runs_come_to_an_end(house: House) -> None:
    session = await house.session()
    for _ in range(DEEPEST - 1):
        session = await house.session(parent=session.id)
    with pytest.raises(UsageError, match=f"a run within {DEEPEST} others"):
        await house.session(parent=session.id)


@pytest.fixture
def start() -> Iterator[Callable[[], int]]:
    """Start a process that waits, which is our child."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(subprocess.Popen(["cat"], stdin=subprocess.PIPE)).pid


async def test_a_run_that_lost_its_environment_is_known_by_its_processes(
    house: House, start: Callable[[], int]
) -> None:
    outer = await house.session(budget="0.05")
    house.desk.set_pid(outer.id, os.getpid())
    asked = OpenSession(agent="codex", cwd=str(house.repo), run_pid=start())
    inner, _ = await house.desk.open_session(asked)
    assert inner.parent == outer.id
    assert [await spend(house, inner) for _ in range(3)] == [True, True, False]


async def test_one_beside_it_is_not(house: House, start: Callable[[], int]) -> None:
    outer = await house.session()
    house.desk.set_pid(outer.id, start())
    beside, _ = await house.desk.open_session(OpenSession(agent="codex", cwd=str(house.repo), run_pid=start()))
    assert beside.parent is None
