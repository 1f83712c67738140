"""A real daemon that is killed, and real gits: hooks fall asleep with the next commit, and each commit is on record."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.gated import Stream, Upstream
from tests.support.home import Home
from tests.support.newer_git import TABLES_SINCE, newer_git
from tests.support.waiting import until
from tokenguard.config import hook_paths
from tokenguard.ledger import queries
from tokenguard.ledger.commits import closings, rewrites
from tokenguard_hooks import flagging, resting


class Tree:
    """A repository with hooks, of somebody with a daemon that can be killed."""

    installed: dict[str, Any]
    """What the installation told."""

    def __init__(self, home: Home, git: str, way: str, *, former: bool, tables: bool) -> None:
        self.home, self.upstream = home, Upstream()
        home.configure(rest=self.upstream.settings)
        self.upstream.finish.set()
        self.top = home.folder / "src" / "it's a\ntree"
        self.top.mkdir(parents=True)
        self.env = {**home.env, "PATH": f"{git}{os.pathsep}{os.environ['PATH']}"}
        (home.folder / ".gitconfig").write_text("[user]\n\tname = A\n\temail = a@b\n[init]\n\tdefaultBranch = main\n")
        self.git("init", "-q", *(("--ref-format=reftable",) if tables else ()))
        first = self.commit("first")
        # A repository that was not known is read from the second on in which hooks for all of them were installed.
        self.too_early = first if way == "global" else None
        if former:
            hook = self.top / ".git" / "hooks" / "post-commit"
            hook.write_text("#!/bin/sh\necho former >>former\n")
            hook.chmod(0o755)
        self.managed = way == "manager"
        if self.managed:
            self.let_a_manager_run_them()
        else:
            self.installed = self.tokenguard("install", *(["--global"] if way == "global" else ["--way", way]))

    def let_a_manager_run_them(self) -> None:
        """By the lines that are printed, which are those of husky."""
        folder = self.top / ".husky"
        folder.mkdir()
        self.git("config", "core.hooksPath", ".husky")
        self.installed = self.tokenguard("install", "--way", "manager", code=1) | {"asleep": not self.awake}
        for part in self.installed["manager"]["lines"].split("# ")[1:]:
            name, _, line = part.partition("\n")
            (self.top / name).write_text(f"#!/bin/sh\n{line}")
            (self.top / name).chmod(0o755)

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.top, env=self.env, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str, *options: str) -> str:
        self.git("commit", "-q", "--allow-empty", "-m", message, *options)
        return self.git("rev-parse", "HEAD")

    def tokenguard(self, *words: str, code: int = 0) -> dict[str, Any]:
        command = [sys.executable, "-m", "tokenguard", "hooks", *words, "--json"]
        done = subprocess.run(command, cwd=self.top, env=self.env, stdout=subprocess.PIPE, check=False)
        assert done.returncode == code
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    @property
    def asleep(self) -> bool:
        if self.managed:
            return not self.awake
        return bool(self.tokenguard("status")["asleep"])

    @property
    def awake(self) -> bool:
        """Whether no mark says otherwise, and no file has another name."""
        common_dir = self.top / ".git"
        if self.managed:
            return flagging.flag(self.home.paths).exists()
        own = (common_dir / resting.MARK).exists() or list(common_dir.rglob("*.tg-asleep"))
        return not own and not list(self.home.folder.glob(".*.tg-asleep"))

    def start(self) -> None:
        self.home.start()
        status = hook_paths.folder(self.home.paths, self.top / ".git") / hook_paths.STATUS
        pid = self.home.daemon.pid
        # Where hooks are for all repositories, this one is known once something has happened in it.
        if status.parent.is_dir():
            until(lambda: status.exists() and status.read_text().startswith(f"tokenguard 1 {pid}\n"))
        until(lambda: self.awake)

    def kill(self) -> None:
        os.kill(self.home.daemon.pid, signal.SIGKILL)
        self.home.started[-1].wait(30)

    def call(self) -> None:
        session = self.home.session(self.home.daemon, cwd=str(self.top))
        Stream(session["port"], session["token"]).rest()

    def closed(self, conn: sqlite3.Connection) -> list[str]:
        """The commits that are on record, in their order."""
        found = closings(conn)
        if self.too_early:
            # Here the session and a hook tell of the repository at once: what was done before may be noted later.
            found.sort(key=lambda one: one.until_us)
        return [one.hash for one in found if one.hash != self.too_early]

    def costs(self) -> dict[str, int]:
        """Subject -> calls, by the report."""
        command = [sys.executable, "-m", "tokenguard", "report", "--by", "commit", "--json"]
        told = json.loads(subprocess.check_output(command, cwd=self.top, env=self.env))
        return {row["subject"] or "": row["calls"] for row in told["rows"] if row["calls"]}


WAYS = ("chain", "chain-former", "config", "config-former", "global", "global-former", "manager")


@pytest.fixture(params=[f"{way}{references}" for way in WAYS for references in ("", "-tables")])
def tree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    way, *options = request.param.split("-")
    folder = os.path.dirname(shutil.which("git") or "")
    if way in ("config", "global"):
        folder = str(newer_git((2, 54)))
    elif "tables" in options:
        folder = str(newer_git(TABLES_SINCE))
    if "tables" in options:
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")  # the daemon's
    home = Home(tmp_path / "home")
    made = Tree(home, folder, way, former="former" in options, tables="tables" in options)
    with made.upstream:
        yield made
    home.clean_up()


@pytest.mark.alone  # where gits begin all the time, as in other tests, hooks may be installed awake
def test_every_commit_costs_what_it_costs_beside_hooks_that_are_awake(tree: Tree) -> None:
    assert tree.installed["asleep"] is True
    hashes = [tree.commit("before any daemon")]
    tree.start()
    tree.call()
    hashes.append(tree.commit("while it runs"))
    tree.call()
    tree.call()
    until(lambda: sum(tree.costs().values()) == 3)
    tree.kill()
    assert tree.awake
    hashes.append(tree.commit("after the kill"))
    assert tree.asleep
    hashes.append(tree.commit("asleep"))
    amended = tree.commit("asleep", "--amend", "--reset-author", "--date=2026-01-01")
    assert tree.asleep
    tree.start()
    tree.call()
    last = tree.commit("awake again")
    with closing(queries.connect_readonly(tree.home.paths.ledger)) as conn:
        until(lambda: tree.closed(conn) == [*hashes, amended, last])
        assert [(one.old, one.new) for one in rewrites(conn)] == [(hashes[-1], amended)]
    assert tree.costs() == {"while it runs": 1, "after the kill": 2, "awake again": 1}
    former = tree.top / "former"
    assert not former.exists() or former.read_text().count("former") == 6


def test_a_daemon_that_hooks_take_for_dead_wakes_them(tree: Tree) -> None:
    """As in a container, from which it cannot be seen."""
    tree.start()
    state = tree.home.paths.state_file
    seen = state.read_text()
    for number in range(3):
        state.write_text(re.sub(r'"pid":\d+', f'"pid":{2**22 + 1}', seen))
        hash = tree.commit(f"{number}")
        until(lambda: tree.awake)
        state.write_text(seen)
        with closing(queries.connect_readonly(tree.home.paths.ledger)) as conn:
            until(lambda: [one.hash for one in closings(conn)][-1:] == [hash])  # noqa: B023  # done before the next


def test_one_that_hangs_is_not_dead(tree: Tree) -> None:
    tree.start()
    pid = tree.home.daemon.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        tree.commit("meanwhile")
        assert tree.awake
    finally:
        os.kill(pid, signal.SIGCONT)
