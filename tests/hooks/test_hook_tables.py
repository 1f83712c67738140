"""Where references are in tables, only git tells a hook where HEAD stands: it is asked as seldom as can be."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.hooks.world import ALIVE, GONE, World
from tests.support.newer_git import TABLES_SINCE, newer_git
from tokenguard.attribution import logged, spool
from tokenguard.attribution.spool import Made, Overridden, Pushed
from tokenguard.config import hook_paths


@pytest.fixture
def tree(shells: World) -> Path:
    """A repository with hooks, whose references are in tables."""
    shells.path = f"{newer_git(TABLES_SINCE)}{os.pathsep}{shells.path}"
    shells.references = "tables"
    shells.more = {"GIT_DEFAULT_REF_FORMAT": "reftable", "GIT_TRACE": str(shells.root / "trace")}
    tree = shells.repository()
    shells.put_hooks(tree / ".git" / "hooks")
    return tree


def tell(world: World, tree: Path, *trees: str, pid: int = ALIVE) -> None:
    """The daemon reads the logs of these working trees."""
    folder = world.folder(tree / ".git")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hook_paths.LOGGED).write_text("".join(f"{line}\n" for line in (f"tokenguard 1 {pid}", *trees)))


def asked(world: World) -> list[str]:
    """The git commands since this was asked last, but for commits and what those start."""
    trace = world.root / "trace"
    found = re.findall(r" git ([a-z-]+)", "\n".join(re.findall(r"trace: built-in:.*", trace.read_text())))
    trace.write_text("")
    return [name for name in found if name not in ("commit", "maintenance", "gc")]


def made(world: World, tree: Path) -> list[spool.Line]:
    """What a daemon reads of what was noted."""
    file = world.folder(tree / ".git") / hook_paths.SPOOL
    return list(logged.named((tree / ".git").resolve(), spool.parse(file.read_bytes(), 5)).lines)


def test_a_commit_is_noted_by_its_place_and_git_is_not_asked(shells: World, tree: Path) -> None:
    tell(shells, tree, ".")
    shells.say(tree / ".git", "* * 0 warn ok day is at 92%")
    asked(shells)
    assert "day is at 92%" in shells.commit(tree, "second").stderr
    assert asked(shells) == []
    (line,) = shells.spool(tree / ".git")
    assert line.startswith("1 logged . 0000")
    assert made(shells, tree) == [Made(".", "main", shells.hash(tree))]


def test_commits_that_are_amended_and_left(shells: World, tree: Path) -> None:
    tell(shells, tree, ".")
    old = shells.hash(tree)
    shells.commit(tree, "other words", "--amend")
    new = shells.hash(tree)
    shells.git(tree, "checkout", "--quiet", "--detach")
    shells.commit(tree, "afloat")
    afloat = shells.hash(tree)
    shells.git(tree, "checkout", "--quiet", "-b", "feat/x", "main")
    shells.commit(tree, "last")
    assert shells.spool(tree / ".git")[1] == f"1 rewrite amend {old} {new}"
    commits = [line for line in made(shells, tree) if isinstance(line, Made)]
    assert commits == [Made(".", "main", new), Made(".", None, afloat), Made(".", "feat/x", shells.hash(tree))]


def test_each_working_tree_has_a_log_of_its_own(shells: World, tree: Path) -> None:
    linked = shells.root / "linked"
    shells.git(tree, "worktree", "add", "--quiet", "-b", "side", str(linked))
    tell(shells, tree, ".", "linked")
    for where, message in ((linked, "a"), (tree, "b"), (tree, "c"), (linked, "d")):
        shells.commit(where, message)
    assert all(line.startswith("1 logged ") for line in shells.spool(tree / ".git"))
    a, d = (shells.hash(linked, name) for name in ("HEAD~1", "HEAD"))
    b, c = (shells.hash(tree, name) for name in ("HEAD~1", "HEAD"))
    expected = [("linked", "side", a), (".", "main", b), (".", "main", c), ("linked", "side", d)]
    assert made(shells, tree) == [Made(*one) for one in expected]


@pytest.mark.parametrize("why", ["no daemon", "a daemon that is gone", "a log that it does not read"])
def test_git_is_asked_once_where_no_daemon_tells(shells: World, tree: Path, why: str) -> None:
    if why != "no daemon":
        tell(shells, tree, *(("linked",) if why.startswith("a log") else (".",)), pid=ALIVE if "log" in why else GONE)
    asked(shells)
    shells.commit(tree, "second")
    assert asked(shells) == ["rev-parse"]
    shells.git(tree, "checkout", "--quiet", "--detach")
    shells.commit(tree, "afloat")
    second, afloat = (shells.hash(tree, name) for name in ("HEAD~1", "HEAD"))
    assert shells.spool(tree / ".git") == [f"1 commit . main {second}", f"1 commit . - {afloat}"]


@pytest.mark.parametrize("last", ["", "none\n", "0x00000000000g-0x00000000000g-ab.ref\n"])
def test_git_is_asked_where_the_names_of_tables_tell_nothing(shells: World, tree: Path, last: str) -> None:
    """A git that is told to take another list than the one that the hook finds."""
    tell(shells, tree, ".")
    shells.git(tree, "config", "maintenance.auto", "false")  # it would find the other list, too
    listed = tree / ".git" / "reftable" / "tables.list"
    kept = listed.with_name("kept")
    git = shells.root / "bin" / "git"
    git.parent.mkdir()
    shells.put_script(git, f"#!/bin/sh\nmv '{kept}' '{listed}'\nexec '{newer_git(TABLES_SINCE)}/git' \"$@\"\n")
    ours = tree / ".git" / "hooks" / "post-commit"
    ours.rename(ours.with_name("ours"))
    hides = f"mv '{listed}' '{kept}'\nprintf '{last}' >'{listed}'"
    shells.put_script(ours, f"#!/bin/sh\n{hides}\nPATH='{git.parent}':$PATH\nexec '{ours.parent}/ours'\n")
    shells.commit(tree, "second")
    assert shells.spool(tree / ".git") == [f"1 commit . main {shells.hash(tree)}"]


def test_git_is_asked_for_the_branch_where_what_is_said_depends_on_it(shells: World, tree: Path) -> None:
    tell(shells, tree, ".")
    shells.say(tree / ".git", ". other 0 block block no", ". main 0 warn warn yes", "* * 0 block block all")
    asked(shells)
    assert "yes" in shells.commit(tree, "second").stderr
    assert asked(shells) == ["symbolic-ref"]
    shells.git(tree, "checkout", "--quiet", "--detach")
    assert "all" in shells.commit(tree, "third", code=1).stderr
    assert made(shells, tree) == [Made(".", "main", shells.hash(tree))]


def test_a_push_and_an_override_do_without_the_branch(shells: World, tree: Path) -> None:
    remote = shells.root / "remote.git"
    shells.git(shells.root, "init", "--quiet", "--bare", str(remote))
    tell(shells, tree, ".")
    shells.say(tree / ".git", "* * 0 block ok day is used up")
    shells.git(tree, "push", "--quiet", str(remote), "main")
    shells.commit(tree, "second", env={"TOKENGUARD_OVERRIDE": "why not"})
    assert shells.spool(tree / ".git")[:2] == ["1 push . ?", "1 override . ? commit why not"]
    assert made(shells, tree)[:2] == [Pushed(".", None), Overridden(".", None, "commit", "why not")]
