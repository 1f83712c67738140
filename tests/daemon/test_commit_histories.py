"""Random histories of calls and commits, in real git: every nanodollar is for one commit, or for none."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.committing import World

STEPS = 22


class History:
    """Works at random in two working trees, and keeps a tally of what each commit has to cost, by its subject."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.number = 0
        self.trees = {"feat": world.top, "side": world.folder / "side tree"}
        self.branches: dict[str, list[str]] = {name: [] for name in self.trees}
        """The subjects of each branch beyond main, as they stand."""
        self.cost = Counter[str]()
        self.open = Counter[str]()
        """What was spent in a tree since its last commit."""
        world.git("checkout", "-q", "-b", "feat")
        world.git("worktree", "add", "-q", "-b", "side", str(self.trees["side"]), "main")
        world.git("branch", "-q", "-f", "base", "main")

    async def go(self) -> None:
        for _ in range(STEPS):
            branch = self.random.choice(list(self.trees))
            for _ in range(self.random.choice((0, 0, 1, 2))):
                nanos = self.random.randrange(1, 10**9)
                await self.world.spend(nanos, self.trees[branch])
                self.open[branch] += nanos
            deeds: list[Callable[[str], None]] = [self.commit, self.commit, self.commit]
            if self.branches[branch]:
                deeds += [self.amend, self.drop, self.pick]
            if len(self.branches[branch]) > 1:
                deeds += [self.fix_up, self.squash, self.reorder, self.rebase, self.take_back]
            self.random.choice(deeds)(branch)
            if self.random.random() < 0.3:
                await self.world.commits.take(self.world.hook_folder)

    def git(self, branch: str, *words: str, plan: str = "") -> None:
        self.world.git(*words, tree=self.trees[branch], GIT_SEQUENCE_EDITOR=plan)

    def name(self) -> str:
        self.number += 1
        return f"commit-{self.number}"

    def close(self, branch: str, subject: str) -> None:
        self.cost[subject] += self.open.pop(branch, 0)

    def commit(self, branch: str) -> None:
        subject = self.name()
        self.world.commit(subject, tree=self.trees[branch])
        self.branches[branch].append(subject)
        self.close(branch, subject)

    def amend(self, branch: str) -> None:
        self.git(branch, "commit", "-q", "--amend", "--allow-empty", "--no-edit")
        self.close(branch, self.branches[branch][-1])

    def rebase(self, branch: str) -> None:
        """Onto a commit that nobody here has made by hand."""
        onto = self.world.git("commit-tree", "-p", "base", "-m", self.name(), "base^{tree}")
        merge = self.random.choice(("--merge", "--apply"))
        self.git(branch, "rebase", "-q", merge, "--onto", onto, "base", branch)
        self.git(branch, "rebase", "-q", "--onto", "base", onto, branch)

    def plan(self, branch: str, lines: list[tuple[str, str]]) -> None:
        script = self.world.folder / "plan"
        hashes = {
            subject: hash
            for hash, subject in (
                line.split(" ", 1) for line in self.world.git("log", "--format=%H %s", f"base..{branch}").splitlines()
            )
        }
        script.write_text("".join(f"{verb} {hashes[subject]}\n" for verb, subject in lines) or "noop\n")
        self.git(branch, "rebase", "-q", "-i", "base", plan=f"cp '{script}'")
        self.branches[branch] = [subject for verb, subject in lines if verb == "pick"]

    def merge_into(self, gone: str, heir: str) -> None:
        self.cost[heir] += self.cost.pop(gone, 0)

    def fix_up(self, branch: str) -> None:
        *before, one, two = self.branches[branch]
        self.plan(branch, [*(("pick", subject) for subject in before), ("pick", one), ("fixup", two)])
        self.merge_into(two, one)

    def drop(self, branch: str) -> None:
        """What was for it stays with it."""
        kept = self.branches[branch][:-1]
        self.plan(branch, [("pick", subject) for subject in kept])

    def reorder(self, branch: str) -> None:
        subjects = self.branches[branch][:]
        self.random.shuffle(subjects)
        self.plan(branch, [("pick", subject) for subject in subjects])

    def take_back(self, branch: str) -> None:
        """Amend it with something, and go back to what it was."""
        subject = self.name()
        self.world.put(subject, subject, self.trees[branch])
        self.git(branch, "commit", "-q", "--amend", "-m", subject)
        self.close(branch, subject)
        self.git(branch, "reset", "-q", "--hard", "HEAD@{1}")

    def pick(self, branch: str) -> None:
        """Where the original stays, the copy costs nothing."""
        (other,) = set(self.branches) - {branch}
        subject = self.branches[branch][-1]
        if subject not in self.branches[other]:
            self.git(other, "cherry-pick", "--allow-empty", *self.random.choice(([], ["-x"])), branch)
            self.world.git("reset", "-q", "--hard", "HEAD~1", tree=self.trees[other])

    def squash(self, branch: str) -> None:
        """Merge all of it as one commit into a new branch, and go on there."""
        subject, base = self.name(), self.world.git("rev-parse", "base")
        self.git(branch, "checkout", "-q", "--detach", base)
        self.git(branch, "merge", "-q", "--squash", branch)
        self.git(branch, "commit", "-q", "-m", subject)
        self.git(branch, "checkout", "-q", "-B", branch)
        for gone in self.branches[branch]:
            self.merge_into(gone, subject)
        self.branches[branch] = [subject]
        self.close(branch, subject)


@pytest.mark.parametrize("seed", [*range(5), 22])
async def test_every_call_is_for_one_commit(world: World, seed: int) -> None:
    history = History(world, seed)
    await history.go()
    found = await world.by_commit()
    assert found.pop(None, 0) == sum(history.open.values())
    there = [subject for subjects in history.branches.values() for subject in subjects]
    expected = {subject: nanos for subject in there if (nanos := history.cost[subject])}
    assert {subject: found[subject] for subject in there if subject in found} == expected
    # What is not there any more keeps what it cost, under one of the names that it had.
    assert sum(found.values()) == sum(history.cost.values())
    for branch, subjects in history.branches.items():
        told = await world.range(f"base..{branch}")
        told.pop(None, None)
        assert told == {subject: expected[subject] for subject in subjects if subject in expected}
