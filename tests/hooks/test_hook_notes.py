"""What the hooks note for the daemon, wherever git runs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hooks.world import GONE, World

STRANGE = ("plain", "with space", "it's", 'a "quote"', "line\nfeed", "back\\slash", "$HOME `id`", "*[a]?", "-n", "ü ☃")


@pytest.fixture
def tree(shells: World) -> Path:
    """A repository with hooks."""
    tree = shells.repository()
    shells.put_hooks(tree / ".git" / "hooks")
    return tree


def test_a_commit_is_noted_while_no_daemon_is_there(shells: World, tree: Path) -> None:
    shells.runs(GONE)
    shells.commit(tree, "second")
    shells.git(tree, "checkout", "--quiet", "-b", "feat/login")
    shells.commit(tree, "third")
    assert shells.spool(tree / ".git") == [
        f"1 commit . main {shells.hash(tree, 'HEAD~1')}",
        f"1 commit . feat/login {shells.hash(tree)}",
    ]


def test_a_push_is_noted_for_a_daemon_only(shells: World, tree: Path) -> None:
    remote = shells.root / "remote.git"
    shells.git(shells.root, "init", "--quiet", "--bare", str(remote))
    shells.git(tree, "push", "--quiet", str(remote), "main")
    assert shells.spool(tree / ".git") == []
    shells.say(tree / ".git", "* * 0 ok ok -")
    shells.git(tree, "push", "--quiet", str(remote), "main:other")
    assert shells.spool(tree / ".git") == ["1 push . main"]


def test_an_amended_commit_is_noted(shells: World, tree: Path) -> None:
    old = shells.hash(tree)
    shells.commit(tree, "other words", "--amend")
    new = shells.hash(tree)
    assert shells.spool(tree / ".git") == [f"1 commit . main {new}", f"1 rewrite amend {old} {new}"]


def test_commits_that_a_rebase_repeats_are_noted(shells: World, tree: Path) -> None:
    shells.git(tree, "checkout", "--quiet", "-b", "topic")
    for name in ("a", "b", "c"):
        (tree / name).write_text(name)
        shells.git(tree, "add", name)
        shells.commit(tree, name)
    a, b, c = (shells.hash(tree, f"HEAD~{back}") for back in (2, 1, 0))
    before = len(shells.spool(tree / ".git"))
    todo = {"GIT_SEQUENCE_EDITOR": "sed -i -e '2s/^pick/fixup/' -e '3s/^pick/reword/'"}
    shells.git(tree, "rebase", "--quiet", "--interactive", "--force-rebase", "HEAD~3", env=todo)
    rewritten = [line for line in shells.spool(tree / ".git")[before:] if line.startswith("1 rewrite rebase")]
    ab, c2 = shells.hash(tree, "HEAD~1"), shells.hash(tree)
    assert rewritten == [f"1 rewrite rebase {a} {ab}", f"1 rewrite rebase {b} {ab}", f"1 rewrite rebase {c} {c2}"]


def test_commits_that_are_squashed_are_noted_before_the_commit(shells: World, tree: Path) -> None:
    shells.git(tree, "checkout", "--quiet", "-b", "topic")
    for name in ("a", "b"):
        (tree / name).write_text(name)
        shells.git(tree, "add", name)
        shells.commit(tree, f"{name}\n\ncommit {'0' * 40}", "--no-verify")
    b, a = shells.hash(tree), shells.hash(tree, "HEAD~1")
    shells.git(tree, "checkout", "--quiet", "main")
    shells.git(tree, "merge", "--quiet", "--squash", "topic")
    before = len(shells.spool(tree / ".git"))
    shells.commit(tree, "both")
    noted = shells.spool(tree / ".git")[before:]
    assert set(noted[:-1]) == {f"1 squash . {b} {a}"}
    assert noted[-1] == f"1 commit . main {shells.hash(tree)}"


def test_many_squashed_commits_are_noted_in_lines_that_one_write_holds(shells: World, tree: Path) -> None:
    hashes = [f"{number:040x}" for number in range(120)]
    (tree / ".git" / "SQUASH_MSG").write_text(
        "Squashed commit of the following:\n\n" + "\n".join(f"commit {one}" for one in hashes) + "\n"
    )
    shells.put_hooks(tree / ".git" / "hooks", ("pre-commit",))
    for other in ("prepare-commit-msg", "post-commit"):
        (tree / ".git" / "hooks" / other).unlink()
    shells.commit(tree, "all")
    noted = shells.spool(tree / ".git")
    assert [one for line in noted for one in line.removeprefix("1 squash . ").split()] == hashes
    assert len(noted) > 1 and max(map(len, noted)) < 4096


@pytest.mark.parametrize("options", [[], ["--no-ff"]])
def test_cherry_picked_commits_are_noted(shells: World, tree: Path, options: list[str]) -> None:
    shells.git(tree, "checkout", "--quiet", "-b", "topic")
    (tree / "a").write_text("a")
    shells.git(tree, "add", "a")
    shells.commit(tree, "a", "--no-verify")
    shells.git(tree, "checkout", "--quiet", "main")
    shells.commit(tree, "in between")
    shells.git(tree, "cherry-pick", "topic")
    assert shells.spool(tree / ".git")[-1] == f"1 commit . main {shells.hash(tree)}"


def test_references_that_are_packed_are_found_by_git(shells: World, tree: Path) -> None:
    """As where somebody packs them between the commit and its hook."""
    packing = shells.root / "packing"
    shells.put_script(packing, f'#!/bin/sh\ngit pack-refs --all\nexec {tree}/.git/hooks/post-commit.real "$@"\n')
    hooks = tree / ".git" / "hooks"
    (hooks / "post-commit").rename(hooks / "post-commit.real")
    packing.rename(hooks / "post-commit")
    shells.commit(tree, "second")
    assert not (tree / ".git" / "refs" / "heads" / "main").exists()
    assert shells.spool(tree / ".git") == [f"1 commit . main {shells.hash(tree)}"]


def test_a_linked_working_tree_goes_by_its_name(shells: World, tree: Path) -> None:
    linked = shells.root / "else where" / "feature"
    shells.git(tree, "worktree", "add", "--quiet", "-b", "feature", str(linked))
    shells.say(
        tree / ".git", ". main 0 block block main", "feature feature 0 warn ok the linked one", "* * 0 block block all"
    )
    below = linked / "deep" / "er"
    below.mkdir(parents=True)
    done = shells.commit(below, "second")
    assert done.stderr == "tokenguard: the linked one. Committing goes on.\n"
    assert shells.spool(tree / ".git") == [f"1 commit feature feature {shells.hash(linked)}"]


def test_a_submodule_is_a_repository_of_its_own(shells: World, tree: Path) -> None:
    other = shells.repository("other")
    shells.git(tree, "submodule", "--quiet", "add", str(other), "lib")
    inside = tree / ".git" / "modules" / "lib"
    shells.put_hooks(inside / "hooks")
    shells.say(inside, "* * 0 warn ok the library")
    shells.say(tree / ".git", "* * 0 warn ok the program")
    assert shells.commit(tree / "lib", "second").stderr == "tokenguard: the library. Committing goes on.\n"
    assert shells.spool(inside) == [f"1 commit . main {shells.hash(tree / 'lib')}"]
    assert shells.commit(tree, "second").stderr == "tokenguard: the program. Committing goes on.\n"


def test_a_working_tree_whose_repository_is_elsewhere(shells: World, tree: Path) -> None:
    apart = shells.root / "apart"
    shells.git(shells.root, "clone", "--quiet", "--separate-git-dir", "store.git", str(tree), str(apart))
    shells.put_hooks(shells.root / "store.git" / "hooks")
    shells.commit(apart, "second")
    assert shells.spool(shells.root / "store.git") == [f"1 commit . main {shells.hash(apart)}"]
    shells.git(shells.root, "--git-dir=store.git", "--work-tree=apart", "commit", "--allow-empty", "-m", "third")
    assert len(shells.spool(shells.root / "store.git")) == 2


def test_a_bare_repository_can_push(shells: World, tree: Path) -> None:
    bare, remote = shells.root / "bare.git", shells.root / "remote.git"
    shells.git(shells.root, "clone", "--quiet", "--bare", str(tree), str(bare))
    shells.git(shells.root, "init", "--quiet", "--bare", str(remote))
    shells.put_hooks(bare / "hooks")
    shells.say(bare, ". main 0 ok block no more")
    done = shells.git(bare, "push", str(remote), "main", code=1)
    assert "tokenguard: this push is stopped: no more. " in done.stderr
    assert shells.spool(bare) == ["1 push . main"]


@pytest.mark.parametrize("name", STRANGE)
def test_names_of_folders_mean_nothing(shells: World, tree: Path, name: str) -> None:
    moved = shells.root / name / name
    moved.parent.mkdir()
    tree.rename(moved)
    shells.say(moved / ".git", "* * 0 warn ok here")
    assert shells.commit(moved, "second").stderr == "tokenguard: here. Committing goes on.\n"
    assert shells.spool(moved / ".git") == [f"1 commit . main {shells.hash(moved)}"]
    linked = shells.root / name / "-linked"
    shells.git(moved, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    assert shells.commit(linked, "third").stderr == "tokenguard: here. Committing goes on.\n"
    assert shells.spool(moved / ".git")[-1] == f"1 commit -linked topic {shells.hash(linked)}"


def test_a_path_for_cd_leads_nowhere(shells: World, tree: Path) -> None:
    decoy = shells.repository("decoy")
    shells.commit(tree, "second", env={"CDPATH": str(decoy)})
    assert len(shells.spool(tree / ".git")) == 1
    assert shells.spool(decoy / ".git") == []


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_without_git_s_help_a_linked_working_tree_is_found(shells: World, tree: Path, end: str) -> None:
    """As where a hook manager does not hand on what git says."""
    linked = shells.root / "linked"
    shells.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    for file in (linked / ".git", tree / ".git" / "worktrees" / "linked" / "commondir"):
        file.write_text(file.read_text().rstrip("\n") + end)
    env = {name: value for name, value in shells.env.items() if name != "GIT_DIR"}
    subprocess.run([tree / ".git" / "hooks" / "post-commit"], cwd=linked, env=env, check=True)
    assert shells.spool(tree / ".git") == [f"1 commit linked topic {shells.hash(linked)}"]


def test_a_path_through_links_is_the_physical_one(shells: World, tree: Path) -> None:
    (shells.root / "link").symlink_to(tree)
    shells.commit(shells.root / "link", "second")
    assert len(shells.spool(tree / ".git")) == 1


def test_a_repository_that_has_moved_gets_a_folder_of_its_own(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", "* * 0 block block where it was")
    moved = shells.root / "moved"
    tree.rename(moved)
    assert shells.commit(moved, "second").stderr == ""
    assert shells.spool(moved / ".git") == [f"1 commit . main {shells.hash(moved)}"]


def test_names_of_branches_mean_nothing(shells: World, tree: Path) -> None:
    branch = "feat/$(id);`id`'\"&|<>{}!#%,=@-ü"
    shells.git(tree, "checkout", "--quiet", "-b", branch)
    shells.say(tree / ".git", f". {branch} 0 warn ok this one", "* * 0 block block all")
    assert shells.commit(tree, "second").stderr == "tokenguard: this one. Committing goes on.\n"
    assert shells.spool(tree / ".git") == [f"1 commit . {branch} {shells.hash(tree)}"]


@pytest.mark.parametrize("branch", ["a b", "a\tb", ""])
def test_what_is_no_name_of_a_branch_is_none(shells: World, tree: Path, branch: str) -> None:
    """Git lets nobody make such a one; a file can hold it."""
    here = shells.hash(tree)
    (tree / ".git" / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
    if branch:
        (tree / ".git" / "refs" / "heads" / branch).write_text(f"{here}\n")
    subprocess.run([tree / ".git" / "hooks" / "post-commit"], cwd=tree, env=shells.env, check=True)
    assert shells.spool(tree / ".git") == ([f"1 commit . - {here}"] if branch else [])


def test_commits_at_the_same_time_are_all_noted(shells: World, tree: Path) -> None:
    hook = tree / ".git" / "hooks" / "post-rewrite"
    old = "a" * 40
    running = [
        subprocess.Popen([hook, "rebase"], cwd=tree, env=shells.env, stdin=subprocess.PIPE, text=True) for _ in range(8)
    ]
    for number, one in enumerate(running):
        assert one.stdin is not None
        one.stdin.write("".join(f"{old} {number:08x}{line:032x}\n" for line in range(50)))
        one.stdin.close()
    assert [one.wait() for one in running] == [0] * 8
    noted = shells.spool(tree / ".git")
    assert len(set(noted)) == len(noted) == 400


@pytest.fixture
def alone(shells: World, tree: Path) -> Callable[[str], tuple[int, str]]:
    """Runs a hook of a linked working tree; how many processes that took, and what was said.

    In a namespace of their own processes are numbered from 1, so the next one's number tells.
    """
    linked = shells.root / "linked"
    shells.git(tree, "worktree", "add", "--quiet", "-b", "linked", str(linked))
    script = '"$@" </dev/null; sh -c "echo \\$\\$"; :'
    env = shells.env | {"GIT_DIR": str(tree / ".git" / "worktrees" / "linked")}

    def run(event: str) -> tuple[int, str]:
        hook = tree / ".git" / "hooks" / event
        command = ["unshare", "--pid", "--fork", "sh", "-c", script, "-", str(hook), "amend"]
        done = subprocess.run(command, cwd=linked, env=env, capture_output=True, text=True, check=True)
        return int(done.stdout) - 2, done.stderr

    return run


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="not everybody may make a namespace of processes")


@needs_root
@pytest.mark.parametrize(
    "event", ["pre-commit", "pre-push", "post-commit", "prepare-commit-msg", "commit-msg", "post-rewrite"]
)
def test_the_hook_is_the_only_process(
    shells: World, tree: Path, alone: Callable[[str], tuple[int, str]], event: str
) -> None:
    shells.say(tree / ".git", "other main 0 block block x", "linked linked 0 warn warn here", "* * 0 ok ok -", pid=1)
    count, told = alone(event)
    assert count == 1
    assert told.startswith("tokenguard: here. ") == (event in ("pre-commit", "pre-push"))


@needs_root
def test_only_a_line_that_speaks_for_a_time_costs_another_process(
    shells: World, tree: Path, alone: Callable[[str], tuple[int, str]]
) -> None:
    shells.say(tree / ".git", "* * 99999999999 warn ok here", pid=1)
    count, told = alone("pre-commit")
    assert count > 1
    assert told.startswith("tokenguard: here. ")
    assert alone("pre-push") == (1, "")
