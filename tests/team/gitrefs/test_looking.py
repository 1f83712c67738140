"""A look at a team from outside: what members published is read, and nothing is changed anywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.team.gitrefs.conftest import Git, snapshot
from tests.team.gitrefs.team import DOLLAR, NOON, Desk, Wall
from tokenguard.errors import TeamError
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.gitrefs import backend
from tokenguard.team.gitrefs.looking import look
from tokenguard.team.shape import Place

BUDGET = TeamBudget("month", 100 * DOLLAR)
SHARED = TeamPolicy("web", budgets=(BUDGET,), salt="0123456789abcdef")
RIGHTS = TeamPolicy("web", mode="rights", budgets=(BUDGET,), salt="0123456789abcdef", treasurer="ann/1")


def publish(policy: TeamPolicy, clone: Path, folder: Path, spent: int) -> None:
    """As Ann's machine does."""

    async def go() -> None:
        wall = Wall()
        desk = Desk(wall)
        desk.overspend(spent)
        place = backend(policy, Place(folder, "ann", "1", clone), wall)
        await place.sync(desk)
        if policy.hard:
            await place.change("month", 10 * DOLLAR, "release week")
        await place.close()

    folder.mkdir(exist_ok=True)
    asyncio.run(go())


def test_what_members_have_published_is_read(git: Git) -> None:
    clone = git.clone("ann")
    (share,) = look(SHARED, clone, NOON).shares
    assert (share.others, look(SHARED, clone, NOON).members) == (0, ())
    publish(SHARED, clone, git.folder / "state", 42 * DOLLAR)
    before = snapshot(git.bare), snapshot(clone)
    heard = look(SHARED, clone, NOON)
    (share,) = heard.shares
    assert (share.budget, share.others, share.granted) == (BUDGET, 42 * DOLLAR, None)
    assert [(one.id, one.machine, one.spent, one.you) for one in heard.members] == [("ann", "1", 42 * DOLLAR, False)]
    assert (snapshot(git.bare), snapshot(clone)) == before


def test_a_limit_is_read_as_the_treasurer_has_changed_it(git: Git) -> None:
    clone = git.clone("ann")
    publish(RIGHTS, clone, git.folder / "state", 5 * DOLLAR)
    (share,) = look(RIGHTS, clone, NOON).shares
    assert (share.budget.limit, share.others) == (110 * DOLLAR, 5 * DOLLAR)
    assert share.held > 0 and share.others + share.held <= share.budget.limit


def test_what_cannot_be_read_is_an_error(git: Git) -> None:
    clone = git.clone("ann")
    git.run("remote", "set-url", "origin", f"file://{git.folder}/gone.git", folder=clone)
    with pytest.raises(TeamError, match="cannot be read"):
        look(SHARED, clone, NOON)
