"""A real repository whose clock is ours, with hooks that note what happens, and a ledger of calls."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from tokenguard.attribution import locate
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.daemon.commits import Commits
from tokenguard.ledger import Ledger, Settlement, Where
from tokenguard.records import Call, Charge, Leg, Usage
from tokenguard.reports import report
from tokenguard.reports.ranges import range_report
from tokenguard_hooks import resting, scripts

BEGIN_S = 1_763_719_200
MODEL = "claude-opus-5-5"


class _Commits(Commits):
    """Hooks that sleep are awake only while their notes are taken."""

    asleep: tuple[Path, ...] = ()

    async def take(self, folder: Path) -> None:
        found = [one for one in self.asleep if hook_paths.folder(self._paths, one) == folder]
        for common_dir in found:
            assert resting.wake(common_dir, self._paths)
        await super().take(folder)
        for common_dir in found:
            assert resting.put_to_sleep(common_dir, self._paths)


class World:
    """A repository, and what is spent in it."""

    def __init__(
        self, folder: Path, ledger: Ledger, top: str = "web", common_dir: Path | None = None, tables: Path | None = None
    ) -> None:
        """`top` is its working tree; where `common_dir` is given, both are there already.

        `tables`: the folder of the git that keeps references in tables; in files, if there is none.
        """
        self.path = os.environ["PATH"] if tables is None else f"{tables}{os.pathsep}{os.environ['PATH']}"
        self.folder = folder = folder.resolve()
        self.paths = Paths(folder, folder)
        self.ledger = ledger
        self.top = folder / top
        self.now_s = BEGIN_S
        self.calls = 0
        self.spent = 0
        self.wants_notes = False
        self.pushing: list[str] = []
        self.commits = _Commits(
            ledger,
            self.paths,
            lambda: time.time_ns() // 1_000,
            lambda: self.wants_notes,
            self.pushing.append,
            grace_s=0,
        )
        if common_dir is None:
            self.top.mkdir()
            references = () if tables is None else ("--ref-format=reftable",)
            self.git("init", "--quiet", "--initial-branch=main", *references)
        self.find_hooks(common_dir)
        self.hook(common_dir or self.top / ".git")

    @property
    def spool(self) -> Path:
        return self.hook_folder / hook_paths.SPOOL

    def find_hooks(self, common_dir: Path | None = None) -> None:
        """Where the hooks and the daemon leave files for each other."""
        self.hook_folder = hook_paths.folder(self.paths, common_dir or self.top / ".git")
        if self.commits.asleep:
            self.commits.asleep = (common_dir or self.top / ".git",)

    def hook(self, common_dir: Path) -> None:
        """Put the hooks in place, as they are installed; they stay awake, for they take this process for the daemon."""
        scripts.write(self.paths)
        self.paths.state_file.write_text(f'{{"pid":{os.getpid()},"port":0}}\n')
        for event in scripts.EVENTS:
            hook = common_dir / "hooks" / event
            hook.write_bytes(scripts.stub(event, self.paths))
            hook.chmod(0o755)

    def tell_hooks(self, *trees: str) -> None:
        """As the daemon does: of commits in these working trees, hooks note the place in a log that is in tables."""
        self.hook_folder.mkdir(parents=True, exist_ok=True)
        names = "".join(f"{tree}\n" for tree in trees)
        (self.hook_folder / hook_paths.LOGGED).write_text(f"tokenguard 1 {os.getpid()}\n{names}")

    def let_hooks_sleep(self) -> None:
        """From now on, but for when their notes are taken."""
        self.commits.asleep = (self.top / ".git",)
        assert resting.put_to_sleep(self.top / ".git", self.paths)

    def git(self, *words: str, tree: Path | None = None, ok: bool = True, **env: str) -> str:
        """Run git, a minute later; `ok` is whether it is to succeed."""
        self.now_s += 60
        who = {"NAME": "a", "EMAIL": "a@b", "DATE": f"@{self.now_s} +0000"}
        names = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in who.items()}
        done = subprocess.run(
            ["git", *words],
            cwd=tree or self.top,
            env={"PATH": self.path, "HOME": str(self.folder), "GIT_EDITOR": "true", **names, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert (done.returncode == 0) is ok, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def edit(self, plan: str, onto: str) -> str:
        """`rebase -i`, whose lines of the plan are `VERB SUBJECT`; those that are not named are dropped."""
        lines = "".join(
            f"{verb} {self.git('log', '--all', '-1', '--format=%H', f'--grep=^{subject}$')}\n"
            for verb, _, subject in (line.strip().partition(" ") for line in plan.split(","))
        )
        script = self.folder / "plan"
        script.write_text(lines)
        return self.git("rebase", "-i", onto, GIT_SEQUENCE_EDITOR=f"cp {shlex.quote(str(script))}")

    async def spend(self, nanos: int, tree: Path | None = None) -> None:
        """A call, a minute later, as an agent makes it there."""
        self.now_s += 60
        self.calls += 1
        self.spent += nanos
        place = locate(tree or self.top)
        call = Call(
            self.calls,
            "s1",
            "claude",
            "anthropic",
            "anthropic-messages",
            MODEL,
            self.now_s * 1_000_000,
            repo=place.repo,
            branch=place.branch(),
            worktree=place.worktree,
        )
        usage = Usage(input=nanos)
        leg = Leg(MODEL, usage)
        charge = Charge(nanos, leg_nanos=(nanos,))
        await self.ledger.settle(Settlement(call, charge, call.started_us + 1, "ok", (leg,), usage))

    def put(self, name: str, text: str, tree: Path | None = None) -> None:
        """Make a file ready to be committed."""
        (tree or self.top).joinpath(name).write_text(text)
        self.git("add", name, tree=tree)

    def commit(self, name: str, subject: str = "", tree: Path | None = None) -> str:
        """Commit a file of this name."""
        self.put(name, subject or name, tree)
        self.git("commit", "--quiet", "--message", subject or name, tree=tree)
        return self.git("rev-parse", "HEAD", tree=tree)

    def commit_on_feat(self) -> None:
        """A commit on the branch that is there, then four on another one."""
        self.commit("base")
        self.git("checkout", "-q", "-b", "feat")
        for name in ("one", "two", "three", "four"):
            self.commit(name)

    async def work(self, nanos: int, name: str, tree: Path | None = None) -> str:
        """Spend something, and commit."""
        await self.spend(nanos, tree)
        return self.commit(name, tree=tree)

    async def by_commit(self) -> dict[str | None, int]:
        """Subject -> what it cost, of all commits for which something was spent; None is what is for none."""
        await self.commits.take(self.hook_folder)
        found = report(self.ledger.read(), ["commit"], None, None, Where(), UTC)
        assert sum(row["cost_nanos"] for row in found["rows"]) == found["total"]["cost_nanos"] == self.spent
        return _by_subject(found)

    async def range(self, name: str) -> dict[str | None, int]:
        """The same of a range of commits."""
        await self.commits.take(self.hook_folder)
        top, now_us = str(self.top), self.now_s * 1_000_000
        found = range_report(self.ledger.read(), top, top, name, ["commit"], Where(), UTC, now_us)
        assert sum(row["cost_nanos"] for row in found["rows"]) == found["total"]["cost_nanos"]
        assert found["committed"]["cost_nanos"] + found["rest"]["cost_nanos"] == found["total"]["cost_nanos"]
        return _by_subject(found)


def _by_subject(found: Mapping[str, Any]) -> dict[str | None, int]:
    told: dict[str | None, int] = {}
    for row in found["rows"]:
        if row["cost_nanos"]:
            name = row["subject"] or row["commit"]
            told[name] = told.get(name, 0) + row["cost_nanos"]
    return told
