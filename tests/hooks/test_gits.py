"""Git processes that may be about to start a hook, with a real git that waits for its editor."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest
from psutil import STATUS_ZOMBIE, AccessDenied, NoSuchProcess, Process

from tests.hooks.world import World
from tests.support.waiting import until
from tokenguard_hooks import gits, resting, scripts
from tokenguard_hooks.gits import Gits
from tokenguard_hooks.installing import install
from tokenguard_hooks.repository import look


@contextmanager
def running(world: World, where: Path, *arguments: str, **env: str) -> Generator[subprocess.Popen[bytes]]:
    """A git that runs until it is told to go on."""
    pipe = subprocess.PIPE
    git = subprocess.Popen(
        ["git", *arguments], cwd=where, env=world.env | env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    )
    try:
        yield git
    finally:
        git.kill()
        git.communicate()


@contextmanager
def committing(world: World, where: Path, *options: str, **env: str) -> Generator[subprocess.Popen[bytes]]:
    """A commit that waits for its message."""
    ready, go_on = world.root / "ready", world.root / "go-on"
    os.mkfifo(go_on)
    world.put_script(world.root / "editor", f"#!/bin/sh\ntouch '{ready}'\nread line <'{go_on}'\necho more >\"$1\"\n")
    env = {"GIT_EDITOR": f"'{world.root}/editor'"} | env
    with running(world, where, *options, "commit", "--allow-empty", **env) as git:
        until(ready.exists)
        try:
            yield git
        finally:
            go_on.write_text("\n")
            git.wait(60)
            go_on.unlink()
            ready.unlink()


@pytest.mark.parametrize("way", ["there", "option", "folder", "variable", "below"])
def test_a_commit_that_is_made(user: World, way: str) -> None:
    tree, other = user.repository(), user.repository("other")
    (tree / "below").mkdir()
    where = {"there": tree, "below": tree / "below"}.get(way, user.root)
    options = {"option": ("-C", "web"), "folder": (f"--git-dir={tree}/.git", f"--work-tree={tree}")}.get(way, ())
    env = {"GIT_DIR": "web/.git", "GIT_WORK_TREE": "web"} if way == "variable" else {}
    seen = Gits()
    assert not seen.is_near(tree / ".git")
    with committing(user, where, *options, **env):
        for about in (seen, Gits()):
            assert about.is_near(tree / ".git") and not about.is_near(other / ".git")
            assert about.are_about()
    assert not seen.is_near(tree / ".git")


def test_one_in_a_linked_working_tree_is_in_the_same_repository(user: World) -> None:
    tree, linked = user.repository(), user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", str(linked))
    with committing(user, linked):
        assert Gits().is_near(tree / ".git")


def test_whatever_else_begins_meanwhile_is_in_nobody_s_way(user: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, pids = user.repository(), psutil.pids
    begun: list[subprocess.Popen[bytes]] = []

    def begin_and_look() -> list[int]:
        begun.append(subprocess.Popen(["sleep", "600"]))
        return pids()

    monkeypatch.setattr(psutil, "pids", begin_and_look)
    try:
        assert not Gits().is_near(tree / ".git") and len(begun) >= 2
        with committing(user, tree):
            assert Gits().is_near(tree / ".git")
    finally:
        for one in begun:
            one.kill()
            one.wait()


def test_one_that_begins_meanwhile_is_seen(user: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first look, in which it was not there."""
    tree, pids = user.repository(), psutil.pids
    calls = itertools.count()
    with ExitStack() as waiting:

        def look() -> list[int]:
            if next(calls) == 1:
                waiting.enter_context(committing(user, tree))
            return pids()

        monkeypatch.setattr(psutil, "pids", look)
        assert Gits().is_near(tree / ".git")


def test_a_message_is_no_command(user: World) -> None:
    tree = user.repository()
    ready, go_on = user.root / "ready", user.root / "go-on"
    os.mkfifo(go_on)
    user.put_script(tree / ".git/hooks/pre-commit", f"#!/bin/sh\ntouch '{ready}'\nread line <'{go_on}'\n")
    with running(user, tree, "commit", "--allow-empty", "-m", "log"):
        until(ready.exists)
        assert Gits().is_near(tree / ".git")
        go_on.write_text("\n")


def test_what_only_reads_is_in_nobody_s_way(user: World) -> None:
    tree = user.repository()
    with running(user, tree, "cat-file", "--batch") as git:
        assert git.stdin is not None and git.stdout is not None
        git.stdin.write(b"HEAD\n")
        git.stdin.flush()
        git.stdout.readline()
        assert not Gits().is_near(tree / ".git")


def git_of(arguments: list[str], name: str, state: str = "sleeping") -> object:
    """What the system tells of a process."""
    return SimpleNamespace(name=lambda: name, cmdline=lambda: arguments, status=lambda: state)


@pytest.mark.parametrize(
    ("arguments", "name", "counts"),
    [
        (["git", "commit"], "git", True),
        (["/usr/lib/git-core/git-rebase"], "git-rebase", True),
        (["git", "log", "-1"], "git", False),
        (["git", "-c", "core.hooksPath=/dev/null", "notes", "add"], "git", False),
        (["git", "commit", "-m", "log"], "git", True),
        (["git", "commit", "show", "status"], "git", True),
        (["git", "-C", "log", "-c", "user.name=x", "--git-dir", "status", "--no-pager", "commit"], "git", True),
        (["git", "-C", "commit", "--namespace=commit", "status"], "git", False),
        (["/usr/lib/git-core/git-upload-pack", "commit"], "git-upload-pack", False),
        (["git"], "git", True),
        ([], "git", True),
        (["gitlab-runner", "run"], "gitlab-runner", False),
        (["github-desktop"], "github-desktop", False),
    ],
)
def test_what_may_start_a_hook_in_whatever_repository(arguments: list[str], name: str, counts: bool) -> None:
    assert gits.may_start_one(cast(Process, git_of(arguments, name))) is counts
    assert not gits.may_start_one(cast(Process, git_of(arguments, name, STATUS_ZOMBIE)))


@pytest.mark.parametrize(("error", "counts"), [(AccessDenied, True), (NoSuchProcess, False)])
def test_one_of_which_nothing_is_told_may_be_one_that_starts_hooks(error: type[Exception], counts: bool) -> None:
    def refuse() -> str:
        raise error(1)

    assert gits.may_start_one(cast(Process, SimpleNamespace(name=refuse))) is counts


def test_hooks_stay_awake_until_a_commit_is_made(user: World) -> None:
    tree = user.repository()
    install(look(tree), user.paths, scripts.EVENTS, None, consent=False)
    with committing(user, tree):
        assert not resting.put_to_sleep(tree / ".git", user.paths)
        assert not (tree / ".git" / resting.MARK).exists()
    assert user.spool(tree / ".git") == [f"1 commit . main {user.hash(tree)}"]
    assert resting.put_to_sleep(tree / ".git", user.paths)
