"""What a repository's own file can do to the guard: say no, and nothing else."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.support.house import House
from tokenguard.config.budgets import parse_budgets
from tokenguard.errors import ConfigError
from tokenguard.records import Budget

DAY = '[[budget]]\nname = "day"\nlimit = {limit}\nwindow = "day"\n'
CHEAP = 100
"""Tokens of output, which cost 0.002 USD."""


def users(limit: str = "$1") -> Budget:
    (budget,) = parse_budgets([{"name": "day", "limit": limit, "window": "day"}], Path("/home/ada/config.toml"))
    return budget


def write(house: House, text: str) -> None:
    (house.repo / "tokenguard.toml").write_text(text, encoding="utf-8")


def limits(house: House) -> dict[str, int]:
    return {budget["label"]: budget["limit"] for budget in house.desk.status()["budgets"]}


async def test_a_budget_of_the_same_name_does_not_replace_the_user_s(house: House) -> None:
    house.budgets(users("$0.001"))
    write(house, DAY.format(limit='"$1000"'))
    session = await house.session()
    assert limits(house) == {"day": 1_000_000, "web:day": 1_000_000_000_000}
    assert not await house.call(session)


async def test_a_repository_can_be_stricter_than_the_user(house: House) -> None:
    house.budgets(users("$1000"))
    write(house, DAY.format(limit='"$0.001"'))
    session = await house.session()
    assert not await house.call(session)
    elsewhere = house.folder / "elsewhere"
    elsewhere.mkdir()
    assert await house.call(await house.session(cwd=elsewhere))


@pytest.mark.parametrize(("raised", "kept"), [("day", "web:day"), ("web:day", "day")])
async def test_a_raise_of_one_does_not_raise_the_other(house: House, raised: str, kept: str) -> None:
    house.budgets(users())
    write(house, DAY.format(limit='"$1"'))
    await house.session()
    await house.desk.grants.raise_budget(raised, "1", "release", None)
    assert limits(house) == {raised: 2_000_000_000, kept: 1_000_000_000}


async def test_a_warning_of_a_repository_does_not_soften_a_refusal(house: House) -> None:
    house.budgets(users("$0.001"))
    write(house, DAY.format(limit='"$0.001"') + 'at_limit = "warn"\n')
    assert not await house.call(await house.session())


async def test_a_hold_of_a_repository_does_not_soften_a_refusal(house: House) -> None:
    house.budgets(users("$0.001"))
    write(house, DAY.format(limit='"$0.001"') + 'at_limit = "hold"\n')
    session = await house.session()
    async with asyncio.timeout(10):
        assert not await house.call(session)
    assert house.desk.status()["holds"] == []


@pytest.mark.parametrize("hostile", ["pipe", "folder", "link", "depth", "bytes"])
async def test_a_hostile_file_stops_the_run_in_its_repository_and_nothing_else(house: House, hostile: str) -> None:
    house.budgets(users())
    file = house.repo / "tokenguard.toml"
    match hostile:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "link":
            file.symlink_to("/dev/zero")
        case "depth":
            file.write_text("a = " + "[" * 30_000)
        case _:
            file.write_bytes(b"\xff" * 100)
    async with asyncio.timeout(10):
        with pytest.raises(ConfigError, match="tokenguard.toml"):
            await house.session()
    elsewhere = house.folder / "elsewhere"
    elsewhere.mkdir()
    assert await house.call(await house.session(cwd=elsewhere), output=CHEAP)


def working_tree(house: House, text: str) -> Path:
    """A linked working tree of the repository, with a file of its own."""
    tree, git = house.folder / "login", house.repo / ".git" / "worktrees" / "login"
    git.mkdir(parents=True)
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {git}\n")
    (git / "HEAD").write_text("ref: refs/heads/login\n")
    (git / "commondir").write_text("../..\n")
    (tree / "tokenguard.toml").write_text(text)
    return tree


async def test_working_trees_with_copies_of_a_file_spend_of_one_budget(house: House) -> None:
    text = DAY.format(limit='"3 calls"')
    write(house, text)
    tree = working_tree(house, text)
    sessions = [await house.session(), await house.session(cwd=tree)]
    assert [await house.call(one, output=CHEAP) for one in (*sessions, *sessions)] == [True, True, True, False]
    assert [(row["label"], row["spent"]) for row in house.desk.status()["budgets"]] == [("web:day", 3)]


async def test_each_working_tree_has_the_limit_of_its_own_file(house: House) -> None:
    write(house, DAY.format(limit='"3 calls"'))
    tree = working_tree(house, DAY.format(limit='"1 call"'))
    here, there = await house.session(), await house.session(cwd=tree)
    assert await house.call(there, output=CHEAP)
    assert not await house.call(there, output=CHEAP)
    assert await house.call(here, output=CHEAP)
    assert sorted(row["limit"] for row in house.desk.status()["budgets"]) == [1, 3]


async def test_a_limit_that_was_changed_holds_for_the_next_run(house: House) -> None:
    write(house, DAY.format(limit='"3 calls"'))
    assert await house.call(await house.session(), output=CHEAP)
    write(house, DAY.format(limit='"1 call"'))
    assert not await house.call(await house.session(), output=CHEAP)
