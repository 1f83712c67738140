"""Real git: what calls were for, whatever becomes of the commits."""

from __future__ import annotations

import asyncio
import getpass
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.committing import World
from tokenguard.daemon.commits import Commits
from tokenguard.errors import LedgerError
from tokenguard.ledger import Ledger, audit


@pytest_asyncio.fixture
async def awake(tmp_path: Path) -> AsyncIterator[World]:
    ledger = Ledger.open(tmp_path / "ledger.db")
    made = World(tmp_path, ledger)
    made.commit("base")
    yield made
    await ledger.close()


async def branch_of_three(world: World) -> None:
    world.git("checkout", "-q", "-b", "feat")
    await world.work(1, "one")
    await world.work(20, "two")
    await world.work(300, "three")


async def test_what_was_spent_since_the_commit_before(world: World) -> None:
    await world.spend(5)
    await world.spend(2)
    world.commit("one")
    await world.work(10, "two")
    await world.spend(100)
    assert await world.by_commit() == {"one": 7, "two": 10, None: 100}


async def test_work_that_began_before_its_branch_was_made(world: World) -> None:
    await world.spend(5)
    world.git("checkout", "-q", "-b", "feat")
    world.commit("one")
    assert await world.by_commit() == {"one": 5}
    assert await world.range("main..feat") == {"one": 5}


async def test_each_working_tree_has_its_own_commits(world: World) -> None:
    tree = world.folder / "a tree"
    world.git("worktree", "add", "-q", "-b", "side", str(tree))
    await world.spend(1)
    await world.spend(20, tree)
    world.commit("there", tree=tree)
    await world.spend(300, tree)
    world.commit("here")
    assert await world.by_commit() == {"there": 20, "here": 1, None: 300}
    assert await world.range("main..side") == {"there": 20, None: 300}


async def test_a_detached_head(world: World) -> None:
    world.git("checkout", "-q", "--detach")
    await world.work(5, "afloat")
    assert await world.by_commit() == {"afloat": 5}
    assert await world.range("main..HEAD") == {"afloat": 5}


async def test_amended_again_and_again(world: World) -> None:
    await world.work(1, "one")
    await world.spend(20)
    world.git("commit", "-q", "--amend", "-m", "one, better")
    assert await world.by_commit() == {"one, better": 21}
    await world.spend(300)
    world.git("commit", "-q", "--amend", "--no-edit")
    assert await world.by_commit() == {"one, better": 321}


async def test_rebased_twice(world: World) -> None:
    await branch_of_three(world)
    for name in ("x", "y"):
        world.git("checkout", "-q", "main")
        world.commit(name)
        world.git("rebase", "-q", "main", "feat")
    assert await world.by_commit() == {"one": 1, "two": 20, "three": 300}
    assert await world.range("main..feat") == {"one": 1, "two": 20, "three": 300}
    assert await world.range("feat~2..feat") == {"two": 20, "three": 300}


async def test_rebased_by_patches(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "main")
    world.commit("x")
    world.git("rebase", "-q", "--apply", "main", "feat")
    assert await world.by_commit() == {"one": 1, "two": 20, "three": 300}
    assert await world.range("main..feat") == {"one": 1, "two": 20, "three": 300}


async def test_squashed_fixed_up_reordered_and_dropped(world: World) -> None:
    await branch_of_three(world)
    await world.work(4_000, "four")
    await world.work(50_000, "five")
    world.edit("pick three, squash one, fixup two, pick five", "main")
    assert await world.by_commit() == {"three": 321, "five": 50_000, "four": 4_000}
    # What was dropped was spent on the branch all the same.
    assert await world.range("main..feat") == {"three": 321, "five": 50_000, None: 4_000}
    world.edit("pick five, pick three", "main")
    assert await world.range("main..feat") == {"three": 321, "five": 50_000, None: 4_000}


async def test_what_is_open_stays_open_while_commits_are_rebased(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "main")
    world.commit("x")
    world.git("checkout", "-q", "feat")
    await world.spend(4_000)
    world.git("rebase", "-q", "main")
    await world.spend(50_000)
    assert (await world.by_commit())[None] == 54_000
    world.commit("four")
    assert await world.by_commit() == {"one": 1, "two": 20, "three": 300, "four": 54_000}


async def test_a_conflict_is_for_the_commit_with_which_the_rebase_goes_on(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "main")
    world.commit("two", "two on main")
    world.git("checkout", "-q", "feat")
    await world.spend(4_000)
    world.git("rebase", "-q", "main", ok=False)
    await world.spend(50_000)
    world.put("two", "both")
    world.git("rebase", "--continue")
    found = await world.range("main..feat")
    assert found == {"one": 1, "two": 50_020, "three": 300, None: 4_000}


async def test_what_is_open_stays_open_while_others_work_is_pulled(world: World) -> None:
    other = world.folder / "other"
    world.git("clone", "-q", str(world.top), str(other))
    world.git("remote", "add", "origin", str(other))
    world.commit("theirs", tree=other)
    await world.work(1, "one")
    await world.spend(20)
    world.put("two", "two")
    world.git("pull", "-q", "--rebase", "--autostash", "origin", "main")
    await world.spend(300)
    world.commit("two")
    assert await world.by_commit() == {"one": 1, "two": 320}
    assert await world.range("origin/main..main") == {"one": 1, "two": 320}


async def test_a_rebase_that_was_given_up(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "main")
    world.commit("two", "two on main")
    world.git("checkout", "-q", "feat")
    world.git("rebase", "-q", "main", ok=False)
    world.git("rebase", "--abort")
    assert await world.range("main..feat") == {"one": 1, "two": 20, "three": 300}


async def test_a_rebase_that_was_taken_back(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "main")
    world.commit("x")
    world.git("rebase", "-q", "main", "feat")
    world.git("reset", "-q", "--hard", "ORIG_HEAD")
    assert await world.range("main..feat") == {"one": 1, "two": 20, "three": 300}
    assert await world.by_commit() == {"one": 1, "two": 20, "three": 300}


async def test_both_copies_of_a_branch_know_what_they_cost(world: World) -> None:
    await branch_of_three(world)
    world.git("branch", "backup")
    world.git("checkout", "-q", "main")
    world.commit("x")
    world.git("rebase", "-q", "main", "feat")
    for name in ("main..feat", "main..backup"):
        assert await world.range(name) == {"one": 1, "two": 20, "three": 300}
    assert await world.by_commit() == {"one": 1, "two": 20, "three": 300}
    world.git("branch", "-q", "-D", "backup")


async def test_merged_as_one_commit(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--squash", "feat")
    await world.spend(4_000)
    world.git("commit", "-q", "-m", "feature")
    await world.work(50_000, "next")
    assert await world.by_commit() == {"feature": 4_321, "next": 50_000}
    assert await world.range("main~2..main") == {"feature": 4_321, "next": 50_000}
    assert await world.range("main~2..feat") == {"one": 1, "two": 20, "three": 300}
    world.git("merge", "-q", "--no-ff", "-m", "all", "feat")
    # Each call once, though both are there.
    assert await world.range("main~3..main") == {"feature": 4_321, "next": 50_000}


@pytest.mark.parametrize("takes_between", [True, False])
async def test_merged_as_one_commit_and_given_up(world: World, takes_between: bool) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--squash", "feat")
    world.git("commit", "-q", "-m", "feature", GIT_EDITOR="false", ok=True)
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.git("merge", "-q", "--squash", "feat")
    world.git("commit", "-q", GIT_EDITOR="false", ok=False)
    if takes_between:
        await world.commits.take(world.hook_folder)
    world.git("reset", "-q", "--hard")
    await world.work(50_000, "something else")
    assert (await world.by_commit())["something else"] == 50_000
    assert await world.range("main~1..main") == {"something else": 50_000}
    assert await world.range("main~1..feat") == {"one": 1, "two": 20, "three": 300}


async def test_squashed_and_then_amended_and_rebased(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "-b", "release", "main")
    world.git("merge", "-q", "--squash", "feat")
    world.git("commit", "-q", "-m", "feature")
    world.git("commit", "-q", "--amend", "-m", "the feature")
    world.git("checkout", "-q", "main")
    world.commit("x")
    world.git("rebase", "-q", "main", "release")
    assert await world.by_commit() == {"the feature": 321}
    assert await world.range("main..release") == {"the feature": 321}


async def test_picked_commits_count_where_the_original_is_not(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "-b", "fix", "main")
    await world.spend(4_000)
    world.git("cherry-pick", "-x", "feat~1")
    world.git("cherry-pick", "feat")
    await world.spend(50_000)
    world.commit("more")
    assert await world.by_commit() == {"one": 1, "two": 20, "three": 300, "more": 54_000}
    assert await world.range("main..fix") == {"two": 20, "three": 300, "more": 54_000}
    assert await world.range("main..feat") == {"one": 1, "two": 20, "three": 300}
    world.git("merge", "-q", "-m", "all", "feat")
    assert await world.range("main..fix") == {"one": 1, "two": 20, "three": 300, "more": 54_000}


async def test_picked_with_a_conflict_and_rebased_after(world: World) -> None:
    await branch_of_three(world)
    world.git("checkout", "-q", "-b", "fix", "main")
    world.commit("two", "other")
    world.git("cherry-pick", "feat~1", ok=False)
    await world.spend(4_000)
    world.put("two", "both")
    world.git("cherry-pick", "--continue")
    assert await world.range("main..fix") == {"two": 4_020}
    world.git("checkout", "-q", "main")
    world.commit("x")
    world.git("rebase", "-q", "main", "fix")
    assert await world.range("main..fix") == {"two": 4_020}


async def test_picked_on_another_machine(world: World, tmp_path: Path) -> None:
    await branch_of_three(world)
    other = tmp_path / "other"
    world.git("clone", "-q", str(world.top), str(other))
    world.git("checkout", "-q", "-b", "fix", "origin/main", tree=other)
    world.git("cherry-pick", "origin/feat", tree=other)
    world.git("push", "-q", "origin", "fix", tree=other)
    assert await world.range("main..fix") == {"three": 300}


async def test_reverted(world: World) -> None:
    await world.work(1, "one")
    await world.spend(20)
    world.git("revert", "--no-edit", "HEAD")
    assert await world.by_commit() == {"one": 1, 'Revert "one"': 20}


async def test_reset_and_done_anew(world: World) -> None:
    await world.work(1, "one")
    await world.spend(20)
    world.git("reset", "-q", "--hard", "HEAD~1")
    await world.spend(300)
    world.commit("anew")
    assert await world.by_commit() == {"one": 1, "anew": 320}
    # What was dropped was spent on the branch all the same.
    assert await world.range("main~1..main") == {"anew": 320, None: 1}


async def test_squashed_by_hand(world: World) -> None:
    await branch_of_three(world)
    await world.spend(4_000)
    world.git("reset", "-q", "--soft", "main")
    world.git("commit", "-q", "-m", "all of it")
    assert await world.by_commit() == {"all of it": 4_321}
    assert await world.range("main..feat") == {"all of it": 4_321}
    # All of the last one again, and something besides: who knows whether that was taken, or done anew.
    world.git("reset", "-q", "HEAD~1")
    world.put("more", "more")
    world.git("commit", "-q", "-am", "other")
    assert await world.by_commit() == {"all of it": 4_321}
    assert await world.range("main..feat") == {None: 4_321}


async def test_a_branch_of_many_commits_is_squashed(world: World) -> None:
    world.git("checkout", "-q", "-b", "feat")
    for number in range(52):
        await world.work(1, f"step-{number}")
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--squash", "feat")
    world.git("commit", "-q", "-m", "all of it")
    assert await world.by_commit() == {"all of it": 52}


async def test_in_a_submodule(world: World) -> None:
    library = world.folder / "library"
    world.git("clone", "-q", str(world.top), str(library))
    allow = ("-c", "protocol.file.allow=always")
    world.git(*allow, "submodule", "--quiet", "add", str(library), "inner")
    inner = World(world.folder, world.ledger, top="web/inner", common_dir=world.top / ".git/modules/inner")
    await world.spend(5)
    await world.spend(20, inner.top)
    inner.now_s = world.now_s
    inner.commit("within")
    world.commit("outside")
    await inner.commits.take(inner.hook_folder)
    assert await world.by_commit() == {"within": 20, "outside": 5}


async def test_in_a_working_tree_of_a_bare_repository(world: World) -> None:
    bare, tree = world.folder / "bare.git", world.folder / "work"
    world.git("clone", "-q", "--bare", str(world.top), str(bare))
    world.git("worktree", "add", "-q", str(tree), "main", tree=bare)
    worked = World(world.folder, world.ledger, top="work", common_dir=bare)
    await world.spend(20, tree)
    worked.now_s = world.now_s
    worked.commit("there")
    await worked.commits.take(worked.hook_folder)
    assert await world.by_commit() == {"there": 20}


async def test_a_repository_that_was_moved_goes_on(world: World) -> None:
    await world.work(1, "one")
    await world.by_commit()
    world.top = world.top.rename(world.folder / "moved")
    world.find_hooks()
    await world.work(20, "two")
    assert await world.by_commit() == {"one": 1, "two": 20}
    assert await world.range("HEAD~2..HEAD") == {"one": 1, "two": 20}


async def test_what_a_daemon_before_has_left_halfway(awake: World) -> None:
    await awake.work(1, "one")
    awake.spool.rename(awake.spool.with_name("tokenguard-spool.taken"))
    await awake.work(20, "two")
    assert await awake.by_commit() == {"one": 1, "two": 20}
    assert [file.name for file in awake.hook_folder.iterdir()] == []


async def test_a_hook_that_was_held_up_while_it_wrote_is_heard(awake: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Commits(awake.ledger, awake.paths, lambda: time.time_ns() // 1_000, lambda: False, grace_s=60)
    await awake.spend(5)
    awake.commit("one")
    line = awake.spool.read_text()
    awake.spool.write_text("")
    waits: list[float] = []
    with awake.spool.open("a") as late:

        async def wait(seconds: float) -> None:
            if not waits:
                late.write(line)
                late.flush()
            waits.append(seconds)

        monkeypatch.setattr(asyncio, "sleep", wait)
        await slow.take(awake.hook_folder)
    assert await awake.by_commit() == {"one": 5}
    assert 50 < waits[0] <= 60


async def test_what_the_ledger_does_not_take_stays_where_it_is(
    awake: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await awake.work(1, "one")

    async def full(deeds: object) -> None:
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(awake.ledger, "note", full)
        await awake.commits.take(awake.hook_folder)
    assert "was not taken: the disk is full" in caplog.text
    await awake.work(20, "two")
    assert await awake.by_commit() == {"one": 1, "two": 20}


async def test_whoever_went_on_all_the_same_is_on_record(awake: World, caplog: pytest.LogCaptureFixture) -> None:
    awake.spool.write_text("1 override . main push the demo is now\n1 override . main commit \nnonsense\n")
    await awake.commits.take(awake.hook_folder)
    said = audit.trail(awake.ledger.read(), 5)
    assert [(one.kind, one.budget, one.key, one.reason) for one in said] == [
        ("override", "commit", str(awake.top), None),
        ("override", "push", str(awake.top), "the demo is now"),
    ]
    assert {one.who for one in said} == {getpass.getuser()}
    assert "1 lines that git hooks have left" in caplog.text


async def test_a_folder_whose_name_is_no_text(awake: World, caplog: pytest.LogCaptureFixture) -> None:
    strange = World(awake.folder, awake.ledger, top="w\udcffb")
    strange.commit("one")
    strange.spool.write_text(strange.spool.read_text() + "1 override . main commit why\n")
    await strange.commits.take(strange.hook_folder)
    assert [one.reason for one in audit.trail(awake.ledger.read(), 5)] == ["why"]
    assert [file.name for file in strange.hook_folder.iterdir()] == []
    assert not caplog.text


async def test_a_folder_that_is_no_repository_s(awake: World, caplog: pytest.LogCaptureFixture) -> None:
    await awake.commits.take(awake.folder / "elsewhere")
    assert "was not taken" in caplog.text


async def test_notes_are_written_as_commits_are_made(world: World) -> None:
    world.wants_notes = True
    await world.work(1, "one")
    await world.commits.take(world.hook_folder)
    await world.work(20, "two")
    world.git("commit", "-q", "--amend", "-m", "two, better")
    await world.commits.take(world.hook_folder)
    notes = [json.loads(world.git("notes", "--ref=tokenguard", "show", f"HEAD~{back}")) for back in (1, 0)]
    assert [note["cost_nanos"] for note in notes] == [1, 20]
    # And the one before, for which nothing was spent; none for what was amended at once.
    assert len(world.git("notes", "--ref=tokenguard", "list").splitlines()) == 3


async def test_a_push_is_told_of_whichever_working_tree_it_begins_in(awake: World) -> None:
    await awake.work(1, "one")
    await awake.by_commit()
    assert awake.pushing == []
    awake.git("worktree", "add", "--quiet", str(awake.folder / "linked"))
    for told, line in enumerate(("1 push . main", "1 push linked linked", "1 push . -"), 1):
        awake.spool.write_text(f"{line}\n")
        await awake.commits.take(awake.hook_folder)
        assert awake.pushing == [str(awake.top)] * told
