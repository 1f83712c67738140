"""What is taken out of a repository, and what stays in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.test_installing import mine, put_in, works
from tests.hooks.world import World, everything
from tokenguard_hooks.repository import look
from tokenguard_hooks.uninstalling import uninstall


@pytest.fixture
def tree(user: World) -> Path:
    return user.repository()


def test_a_hook_of_ours_that_was_removed_gives_back_what_was_there(user: World, tree: Path) -> None:
    hooks = mine(user, tree)
    before = everything(hooks)
    put_in(user, tree)
    (hooks / "pre-commit").unlink()
    uninstall(look(tree), user.paths)
    assert everything(hooks) == before


def test_each_working_tree_may_have_a_folder_of_hooks(user: World, tree: Path) -> None:
    user.git(tree, "config", "core.hooksPath", ".githooks")
    linked = user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "linked", str(linked))
    before = everything(linked)
    for place in (tree, linked, tree):
        put_in(user, place, consent=True)
    works(user, tree)
    works(user, linked, tree / ".git")
    assert uninstall(look(tree), user.paths)
    assert everything(linked) == before
    assert not (tree / ".githooks").exists()


def test_a_folder_that_others_use_is_not_cleared_by_who_never_used_it(user: World, tree: Path) -> None:
    shared = user.root / "shared hooks"
    user.git(tree, "config", "--global", "core.hooksPath", str(shared))
    put_in(user, tree, consent=True)
    other = user.repository("other")
    assert not uninstall(look(other), user.paths)
    works(user, tree)
    assert uninstall(look(tree), user.paths)
    assert not shared.exists()


def test_hooks_that_were_put_in_before_hooks_went_elsewhere_are_taken_out(user: World, tree: Path) -> None:
    hooks = mine(user, tree)
    before = everything(hooks)
    put_in(user, tree)
    user.git(tree, "config", "core.hooksPath", ".githooks")
    assert uninstall(look(tree), user.paths)
    assert everything(hooks) == before


def test_what_the_daemon_has_not_read_stays(user: World, tree: Path) -> None:
    put_in(user, tree)
    user.commit(tree, "second")
    user.say(tree / ".git", "* * 0 warn ok here")
    uninstall(look(tree), user.paths)
    assert [file.name for file in user.folder(tree / ".git").iterdir()] == ["tokenguard-spool"]
    (user.folder(tree / ".git") / "tokenguard-spool").unlink()
    uninstall(look(tree), user.paths)
    assert not user.folder(tree / ".git").exists()
    assert not list((user.paths.state_dir / "hooks" / "repositories").iterdir())
