"""What git keeps tells what hooks would have: of each history, the lines of both are the same."""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.committing import World
from tests.support.newer_git import TABLES_SINCE, newer_git
from tokenguard.attribution.logs import Mark
from tokenguard.attribution.missed import marks, missed
from tokenguard.ledger import Ledger

Deed = Callable[[World], None]


@pytest.fixture(params=["files", "tables"])
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path | None:
    """The git that keeps references in tables, which is the one that is found then."""
    if request.param == "files":
        return None
    folder = newer_git(TABLES_SINCE)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest_asyncio.fixture
async def world(tmp_path: Path, tables: Path | None) -> AsyncIterator[World]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    made = World(tmp_path, ledger, tables=tables)
    made.commit_on_feat()
    yield made
    await ledger.close()


def plan(world: World, *verbs: str, onto: str = "main", editor: str = "true") -> None:
    """Rebase the commits in their order, with these verbs."""
    lines = "\n".join(f"{number}s/^pick/{verb}/" for number, verb in enumerate(verbs, 1))
    script = world.folder / "plan.sed"
    script.write_text(lines + "\n")
    world.git("rebase", "-i", onto, GIT_SEQUENCE_EDITOR=f"sed -i -f {script}", GIT_EDITOR=editor)


def onto_another(world: World) -> str:
    return world.git("commit-tree", "-p", "main", "-m", "x", "main^{tree}")


def amend(world: World) -> None:
    world.git("commit", "-q", "--amend", "-m", "four, better")
    world.git("commit", "-q", "--amend", "--no-edit", "--allow-empty")


def rebase(world: World) -> None:
    world.git("rebase", "-q", "--onto", onto_another(world), "main")


def rebase_another_branch(world: World) -> None:
    world.git("checkout", "-q", "main")
    world.git("rebase", "-q", "--onto", onto_another(world), "main", "feat")


def rebase_on_no_branch(world: World) -> None:
    world.git("checkout", "-q", "--detach")
    world.git("rebase", "-q", "--onto", onto_another(world), "main")
    world.commit("after")


def fix_up(world: World) -> None:
    plan(world, "pick", "fixup", "pick", "squash")


def fix_up_with_a_message(world: World) -> None:
    plan(world, "pick", "fixup -C", "fixup", "pick")


def reword(world: World) -> None:
    plan(world, "reword", "pick", "reword", "pick", editor="sed -i 1s/^/new:/")


def drop(world: World) -> None:
    plan(world, "pick", "drop", "pick", "fixup")


def autosquash(world: World) -> None:
    world.put("one", "one, better")
    world.git("commit", "-q", "--fixup", "HEAD~3")
    world.put("two", "two, better")
    world.git("commit", "-q", "--fixup", "HEAD~3")
    world.git("rebase", "-q", "-i", "--autosquash", "main", GIT_SEQUENCE_EDITOR="true")


def edit(world: World) -> None:
    plan(world, "pick", "edit", "pick", "pick")
    world.put("two", "two, better")
    world.git("commit", "-q", "--amend", "-m", "two, better")
    world.git("rebase", "--continue")


def split(world: World) -> None:
    plan(world, "pick", "edit", "pick", "pick")
    world.git("reset", "-q", "HEAD~1")
    world.commit("part")
    world.commit("two")
    world.git("rebase", "--continue")


def stop_at_two(world: World) -> None:
    """Let a rebase end in a conflict."""
    world.git("checkout", "-q", "main")
    world.commit("two", "two on main")
    world.git("checkout", "-q", "feat")
    world.git("rebase", "-q", "main", ok=False)


def conflict(world: World) -> None:
    stop_at_two(world)
    world.put("two", "both")
    world.git("rebase", "--continue")


def conflict_that_is_committed(world: World) -> None:
    stop_at_two(world)
    world.put("two", "both")
    world.git("commit", "-q", "-C", "feat~2")
    world.git("rebase", "--continue")


def skip(world: World) -> None:
    stop_at_two(world)
    world.git("rebase", "--skip")


def give_up(world: World) -> None:
    world.git("checkout", "-q", "main")
    world.commit("three", "three on main")
    world.git("checkout", "-q", "feat")
    world.git("rebase", "-q", "main", ok=False)
    world.git("rebase", "--abort")
    world.commit("after")


def pull(world: World) -> None:
    other = world.folder / "other"
    world.git("clone", "-q", "-b", "main", str(world.top), str(other))
    world.git("remote", "add", "origin", str(other))
    world.commit("theirs", tree=other)
    world.git("pull", "-q", "--rebase", "origin", "main")
    world.commit("after")


def rebase_with_merges(world: World) -> None:
    world.git("checkout", "-q", "-b", "side", "feat~1")
    world.commit("beside")
    world.git("checkout", "-q", "feat")
    world.git("merge", "-q", "--no-ff", "-m", "with side", "side")
    world.git("rebase", "-q", "-r", "--onto", onto_another(world), "main")


def stack(world: World) -> None:
    """Two branches, one on the other, are rebased at once."""
    world.git("branch", "below", "feat~2")
    world.git("rebase", "-q", "--update-refs", "--onto", onto_another(world), "main")


def pick(world: World) -> None:
    world.git("checkout", "-q", "-b", "fix", "main")
    world.git("cherry-pick", "feat~2", "feat~1")
    world.git("cherry-pick", "-x", "feat~3")
    world.git("checkout", "-q", "main")
    world.git("cherry-pick", "feat~3")
    world.git("revert", "--no-edit", "HEAD")


def pick_what_comes_next(world: World) -> None:
    world.git("checkout", "-q", "-b", "fix", "feat~2")
    world.git("cherry-pick", "--ff", "feat~1")


def pick_with_a_conflict(world: World) -> None:
    world.git("checkout", "-q", "main")
    world.commit("two", "two on main")
    world.git("cherry-pick", "feat~2", ok=False)
    world.put("two", "both")
    world.git("cherry-pick", "--continue")


def merge(world: World) -> None:
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--ff-only", "feat~1")
    world.commit("beside")
    world.git("merge", "-q", "--no-ff", "-m", "all", "feat")
    world.git("checkout", "-q", "-b", "third", "main~2")
    world.commit("beside", "another")
    world.git("merge", "-q", "main", ok=False)
    world.put("beside", "both")
    world.git("commit", "-q", "-m", "merged by hand")


def squash(world: World) -> None:
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--squash", "feat")
    world.git("commit", "-q", "-m", "all of it")


def squash_beside_others(world: World) -> None:
    world.git("checkout", "-q", "main")
    world.commit("beside")
    world.git("merge", "-q", "--squash", "feat")
    world.git("commit", "-q", "-m", "all of it")
    world.git("branch", "-q", "-D", "feat")


def squash_in_the_words_of_git(world: World) -> None:
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--squash", "feat")
    world.put("more", "more")
    world.git("commit", "-q", "--no-edit")


def switch(world: World) -> None:
    world.git("tag", "v1")
    world.git("branch", "-q", "-m", "feature")
    world.commit("renamed")
    world.git("checkout", "-q", "v1")
    world.commit("afloat")
    world.git("checkout", "-q", "-b", "deep/er")
    world.commit("deeper")
    world.git("checkout", "-q", "main")
    world.git("branch", "-q", "-D", "deep/er")
    world.git("checkout", "-q", "--orphan", "alone")
    world.git("commit", "-q", "-m", "alone")


def work_in_two_trees(world: World) -> None:
    tree = world.folder / "a tree"
    world.git("worktree", "add", "-q", "-b", "side", str(tree), "main")
    world.commit("there", tree=tree)
    world.commit("here")
    world.git("commit", "-q", "--amend", "-m", "there, better", tree=tree)
    world.git("rebase", "-q", "feat~1", tree=tree)


def name_head_otherwise(world: World) -> None:
    """Of which the log of HEAD says nothing."""
    world.git("branch", "side")
    world.git("symbolic-ref", "HEAD", "refs/heads/side")
    world.commit("beside")
    world.git("commit", "-q", "--amend", "-m", "beside, better")
    world.git("checkout", "-q", "--detach")
    world.commit("afloat")
    world.git("symbolic-ref", "HEAD", "refs/heads/side")
    world.git("commit", "-q", "--allow-empty", "-m", "again")
    world.git("checkout", "-q", "-f", "main")
    world.git("cherry-pick", "side~1")


def name_head_otherwise_somewhere_else(world: World) -> None:
    """At another commit: what is amended there is not what HEAD stood at before."""
    world.git("branch", "deep/side", "feat~2")
    world.git("symbolic-ref", "HEAD", "refs/heads/deep/side")
    world.git("reset", "-q", "--mixed")
    world.git("commit", "-q", "--amend", "-m", "two, better")


def name_head_otherwise_and_rebase(world: World) -> None:
    world.git("branch", "side")
    world.git("symbolic-ref", "HEAD", "refs/heads/side")
    world.commit("five")
    plan(world, "pick", "fixup", "edit", "pick", "pick")
    world.git("commit", "-q", "--amend", "-m", "three, better")
    world.git("rebase", "--continue")
    world.commit("six")


def name_head_otherwise_and_rename(world: World) -> None:
    """From elsewhere, where HEAD is told nothing of it, and once more; then another one is called so."""
    world.git("branch", "side")
    world.git("symbolic-ref", "HEAD", "refs/heads/side")
    world.commit("beside")
    world.git("checkout", "-q", "main")
    world.git("branch", "-m", "side", "aside")
    world.git("checkout", "-q", "aside")
    world.commit("more")
    world.git("branch", "-m", "beyond")
    world.commit("most")
    world.git("branch", "-c", "beyond", "copy")
    world.git("checkout", "-q", "copy")
    world.commit("copied")
    world.git("branch", "side", "main")
    world.git("branch", "aside", "main")


def name_head_otherwise_in_two_trees(world: World) -> None:
    tree = world.folder / "a tree"
    world.git("worktree", "add", "-q", "-b", "side", str(tree), "main")
    world.commit("on side", tree=tree)
    world.git("branch", "another")
    world.git("symbolic-ref", "HEAD", "refs/heads/another", tree=tree)
    world.git("reset", "-q", "--hard", tree=tree)
    world.commit("there", tree=tree)
    world.commit("here")
    world.git("commit", "-q", "--amend", "-m", "there, better", tree=tree)


def make_the_same_on_two_branches(world: World) -> None:
    """Within a second, so that these are one commit, and both logs say the same of it."""
    tree = world.folder / "a tree"
    world.git("checkout", "-q", "-b", "another", "main")
    world.git("worktree", "add", "-q", "-b", "side", str(tree), "main")
    world.commit("on side", tree=tree)
    world.git("reset", "-q", "--hard", "HEAD~1", tree=tree)
    when = f"@{world.now_s} +0000"
    for where in (None, tree):
        words = ("commit", "-q", "--allow-empty", "-m", "same")
        world.git(*words, tree=where, GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when)


DEEDS: list[Deed] = [
    *(amend, rebase, rebase_another_branch, rebase_on_no_branch, fix_up, fix_up_with_a_message, reword, drop),
    *(autosquash, edit, split, conflict, conflict_that_is_committed, give_up, pull, rebase_with_merges, stack),
    *(pick, pick_what_comes_next, pick_with_a_conflict, merge, squash, squash_beside_others),
    *(squash_in_the_words_of_git, switch, work_in_two_trees),
    *(name_head_otherwise, name_head_otherwise_somewhere_else, name_head_otherwise_and_rebase),
    *(name_head_otherwise_and_rename, name_head_otherwise_in_two_trees, make_the_same_on_two_branches),
]


def noted(world: World) -> list[str]:
    """The lines of hooks, but for commits that took their own place."""
    lines = world.spool.read_text().splitlines()
    return list(dict.fromkeys(line for line in lines if not re.fullmatch(r"1 rewrite \w+ (\w+) \1", line)))


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_git_tells_what_hooks_have_noted(world: World, deed: Deed) -> None:
    common_dir = world.top / ".git"
    since, before = marks(common_dir), len(noted(world))
    deed(world)
    assert missed(common_dir, since) == noted(world)[before:]
    assert missed(common_dir, marks(common_dir)) == []


def test_a_commit_that_a_rebase_skips_is_told_of_as_gone(world: World) -> None:
    """Git tells hooks that it has become the one before it."""
    common_dir = world.top / ".git"
    two, one = world.git("rev-parse", "feat~2", "feat~3").split()
    since = marks(common_dir)
    skip(world)
    told = missed(common_dir, since)
    assert not [line for line in told if two in line] and [line for line in told if f"rewrite rebase {one} " in line]


def test_patches_of_a_rebase_are_commits(world: World) -> None:
    """Git runs no hooks for them, but for what has become of all."""
    since = marks(world.top / ".git")
    before = len(noted(world))
    world.git("rebase", "-q", "--apply", "--onto", onto_another(world), "main")
    made = [f"1 commit . - {hash}" for hash in world.git("rev-list", "--reverse", "feat~4..feat").split()]
    assert missed(world.top / ".git", since) == made + noted(world)[before:]


def test_a_rebase_that_goes_on_is_told_of_when_it_ends(world: World) -> None:
    common_dir = world.top / ".git"
    world.git("checkout", "-q", "--detach")
    plan(world, "pick", "reword", "edit", "pick")
    since, before = marks(common_dir), len(noted(world))
    assert not any("rewrite rebase" in line for line in missed(common_dir, {}))
    world.git("rebase", "--continue")
    assert missed(common_dir, since) == noted(world)[before:] != []


def keep_of_log(world: World, tables: Path | None, kept: int) -> None:
    """Let git forget all of a log but the last lines."""
    if tables is None:
        log = world.top / ".git" / "logs" / "HEAD"
        log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[-kept:]))
    else:
        for _ in world.git("reflog", "HEAD").splitlines()[kept:]:
            world.git("reflog", "delete", f"HEAD@{{{kept}}}")


@pytest.mark.parametrize("kept", [3, 1])
def test_a_log_that_git_has_written_anew(world: World, tables: Path | None, kept: int) -> None:
    """It is read from the line on that was the last one; where that is gone, as a whole."""
    since = marks(world.top / ".git")
    world.commit("five")
    world.commit("six")
    keep_of_log(world, tables, kept)
    assert missed(world.top / ".git", since) == noted(world)[-min(kept, 2) :]


def test_without_a_mark_it_is_read_from_an_instant_on(world: World, tables: Path | None) -> None:
    """Also what somebody has dated back, as long as git has not packed it."""
    common_dir, log = world.top / ".git", world.top / ".git" / "logs" / "HEAD"
    for hash in world.git("log", "-g", "--format=%H").split():
        os.utime(common_dir / "objects" / hash[:2] / hash[2:], (1_000_000, 1_000_000))
    if tables is None:  # otherwise, what is there is as old as the clock of this world
        log.write_text(re.sub(r"> \d+ ", "> 1000000 ", log.read_text()))
    instant_us = time.time_ns() // 1000
    assert missed(common_dir, {}, instant_us) == []
    before = len(noted(world))
    world.git("commit", "-q", "--allow-empty", "-m", "five", GIT_COMMITTER_DATE="2001-01-01T00:00:00Z")
    world.commit("six")
    assert missed(common_dir, {}, instant_us) == noted(world)[before:]
    assert missed(common_dir, {}, 0) == missed(common_dir, {}), "all of it"
    assert missed(common_dir, marks(common_dir), 0) == []


def test_a_branch_that_is_gone_tells_nothing(world: World, tables: Path | None) -> None:
    """Commits count for the one that was checked out before, as far as the log of HEAD tells."""
    since = marks(world.top / ".git")
    world.git("branch", "side")
    world.git("symbolic-ref", "HEAD", "refs/heads/side")
    hash = world.commit("five")
    world.git("checkout", "-q", "main")
    world.git("branch", "-q", "-D", "side")
    if tables is not None:
        world.git("pack-refs", "--all")
    assert missed(world.top / ".git", since) == [f"1 commit . feat {hash}"]


def test_a_head_without_a_commit_keeps_its_log(world: World) -> None:
    """Of which git tells nothing where it is in tables."""
    since, before = marks(world.top / ".git"), len(noted(world))
    world.commit("five")
    world.git("checkout", "-q", "--orphan", "alone")
    assert missed(world.top / ".git", since) == noted(world)[before:] != []


def test_without_a_log_there_is_nothing_to_tell(world: World, tables: Path | None) -> None:
    """Also where that of the branch is there, which git tells instead of one in tables."""
    since = marks(world.top / ".git")
    if tables is None:
        (world.top / ".git" / "logs" / "HEAD").unlink()
    else:
        world.git("reflog", "drop", "HEAD")
    assert marks(world.top / ".git") == {} and missed(world.top / ".git", since) == []
    assert missed(world.folder / "nowhere", {".": Mark(9, b"x")}) == []
