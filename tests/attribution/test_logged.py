"""Commits noted by their place in the log are those that hooks name when they ask git, whatever comes after."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.attribution.test_missed import DEEDS, Deed
from tests.support import tabled
from tests.support.committing import World
from tests.support.newer_git import TABLES_SINCE, newer_git
from tests.support.tabled import ONE, TWO
from tokenguard.attribution import spool
from tokenguard.attribution.logged import are_told, named
from tokenguard.attribution.spool import Logged, Made, Noted, Pushed
from tokenguard.config import hook_paths
from tokenguard.errors import TokenguardError
from tokenguard.ledger import Ledger


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Hooks note each commit twice: first by its name, for which they ask git, and then by its place."""
    folder = newer_git(TABLES_SINCE)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    ledger = Ledger.open(tmp_path / "ledger.db")
    made = World(tmp_path, ledger, tables=folder)
    hook, told = made.top / ".git" / "hooks" / "post-commit", made.hook_folder / hook_paths.LOGGED
    hook.rename(hook.with_name("ours"))
    says = f"printf 'tokenguard 1 {os.getpid()}\\n.\\na-tree\\n'"
    hook.write_text(f"#!/bin/sh\n{hook.parent}/ours\n{says} >'{told}'\n{hook.parent}/ours\nrm '{told}'\n")
    hook.chmod(0o755)
    made.commit_on_feat()
    yield made
    await ledger.close()


def pairs(world: World) -> tuple[list[spool.Line], list[spool.Line]]:
    """The commits as they were named, and as their places tell now."""
    noted = spool.parse(world.spool.read_bytes(), 5)
    told = named(world.top / ".git", noted)
    assert len(told.lines) == len(noted.lines) and told.unknown == noted.unknown == 0
    both = list(zip(noted.lines, told.lines, strict=True))
    assert all(one == other for one, other in both if not isinstance(one, Logged))
    return [one for one, _ in both if isinstance(one, Made)], [two for one, two in both if isinstance(one, Logged)]


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_whatever_is_done_after_it_each_is_the_one_that_was_made(world: World, deed: Deed) -> None:
    deed(world)
    asked, told = pairs(world)
    assert told == asked and len(told) > 4


def test_commits_that_follow_each_other_while_others_move_references(world: World) -> None:
    """Tables are put together, and other references move between."""
    for number in range(40):
        world.git("commit", "-q", "--allow-empty", "-m", str(number))
        world.git("branch", f"other/{number}")
    world.git("pack-refs", "--all")
    world.git("reflog", "delete", "HEAD@{20}")
    asked, told = pairs(world)
    wrong = [at for at, (one, two) in enumerate(zip(asked, told, strict=True)) if one != two]
    assert wrong == [len(asked) - 21], "of what git has forgotten, the one before is told"


def test_a_branch_of_which_the_log_of_head_tells_nothing(world: World) -> None:
    world.git("branch", "side")
    world.git("symbolic-ref", "HEAD", "refs/heads/side")
    world.commit("beside")
    world.git("checkout", "-q", "--detach")
    world.git("symbolic-ref", "HEAD", "refs/heads/side")
    world.commit("again")
    for _ in range(2):
        asked, told = pairs(world)
        assert told == asked and [line.branch for line in asked[-2:] if isinstance(line, Made)] == ["side", "side"]
        world.git("checkout", "-q", "main")


def test_heads_that_go_from_branch_to_branch_and_only_their_logs_tell(world: World) -> None:
    for name in ("side", "other"):
        world.git("branch", name)
        world.git("symbolic-ref", "HEAD", f"refs/heads/{name}")
        world.commit(name)
    world.git("checkout", "-q", "--detach")
    world.commit("afloat")
    world.git("symbolic-ref", "HEAD", "refs/heads/side")
    expected: list[str | None] = ["side", "other", None]
    for _ in range(2):
        asked, told = pairs(world)
        assert told == asked and [line.branch for line in told[-3:] if isinstance(line, Made)] == expected
        world.git("checkout", "-q", "-f", "main")


def test_a_log_that_is_there_goes_on_where_git_is_to_keep_none(world: World) -> None:
    world.git("config", "core.logAllRefUpdates", "false")
    world.git("checkout", "-q", "-b", "side")
    for name in ("five", "six"):
        world.commit(name)
    world.git("checkout", "-q", "main")
    asked, told = pairs(world)
    assert told == asked and len({line.hash for line in told if isinstance(line, Made)}) == 7


def test_what_another_hook_does_after_the_commit_is_not_taken_for_it(world: World) -> None:
    hook = world.top / ".git" / "hooks" / "post-commit"
    lines = hook.read_text().splitlines()
    hook.write_text("\n".join([lines[0], lines[2], "git checkout -q main; git merge -q feat", lines[3], lines[4], ""]))
    hash = world.git("rev-parse", "feat")
    world.commit("five")
    told = named(world.top / ".git", spool.parse(world.spool.read_bytes(), 5)).lines[-1]
    assert told == Made(".", "feat", world.git("rev-parse", "feat")) != Made(".", "feat", hash)


def test_which_commit_it_was(tmp_path: Path) -> None:
    """Of a commit, a checkout and an amendment."""
    tabled.put(tmp_path)
    (tmp_path / "objects").mkdir()
    changes = [Logged(".", number) for number in (3, 4, 5, 6, 99)]
    told = named(tmp_path, Noted((Pushed(".", "main"), *changes), 5)).lines
    hashes = [line.hash for line in told if isinstance(line, Made)]
    assert told[0] == Pushed(".", "main") and set(hashes) == {ONE, TWO}
    assert hashes == sorted(hashes, key=[ONE, TWO].index)
    assert told[1] == Made(".", "main", ONE) and told[-1] == Made(".", "feat/x", TWO)


def test_what_no_log_tells_is_unknown(tmp_path: Path) -> None:
    noted = Noted((Logged(".", 7), Made(".", "main", ONE)), 5, 1)
    assert named(tmp_path, noted) == Noted((Made(".", "main", ONE),), 5, 2), "no tables"
    tabled.put(tmp_path)
    assert named(tmp_path, Noted((Logged(".", 0),), 5)) == Noted((), 5, 1), "before the first line of its log"
    assert named(tmp_path, Noted((Logged("gone", 7),), 5)) == Noted((), 5, 1)


def test_tables_that_cannot_be_read_are_said_so(tmp_path: Path) -> None:
    stack = tabled.put(tmp_path)
    assert are_told(tmp_path, ".")
    for table in stack.glob("*.ref"):
        table.write_bytes(b"none")
    assert not are_told(tmp_path, ".")
    with pytest.raises(TokenguardError, match="log of HEAD is not read"):
        named(tmp_path, Noted((Logged(".", 7),), 5))


def test_only_logs_in_tables_tell(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "HEAD").write_text("")
    assert not are_told(tmp_path, ".")
    tabled.put(tmp_path)
    assert are_told(tmp_path, ".") and not are_told(tmp_path, "linked")
