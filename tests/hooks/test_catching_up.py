"""Repositories that are read after the hooks of all of them have slept."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.hooks.world import World
from tests.support.waiting import until
from tokenguard.config import hook_paths
from tokenguard_hooks import marking
from tokenguard_hooks.catching_up import CatchingUp


@pytest.fixture(params=["files", "tables"])
def references(request: pytest.FixtureRequest) -> str:
    """All of this is the same wherever git keeps them."""
    return str(request.param)


@pytest.fixture
def tree(user: World) -> Path:
    """A repository in which a hook has noted something."""
    tree = user.repository()
    user.folder(tree / ".git").mkdir(parents=True)
    return tree


@pytest.fixture
def catching_up(user: World) -> CatchingUp:
    return CatchingUp(user.paths)


def now_us() -> int:
    """Git tells of seconds: one later than the commit that the repository has."""
    second = int(time.time())
    until(lambda: int(time.time()) > second + 1)
    return time.time_ns() // 1000


def read_before(world: World, tree: Path) -> None:
    CatchingUp(world.paths).read(tree / ".git", time.time_ns() // 1000)
    (world.folder(tree / ".git") / hook_paths.SPOOL).unlink(missing_ok=True)


def made(world: World, tree: Path, *names: str) -> list[str]:
    return [f"1 commit . main {world.hash(tree, name)}" for name in names]


def test_what_was_done_since_it_was_read_last(user: World, tree: Path, catching_up: CatchingUp) -> None:
    read_before(user, tree)
    user.commit(tree, "second")
    catching_up.read(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD")
    user.commit(tree, "third")
    catching_up.read(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~1"), "once is enough"
    catching_up.begin()
    catching_up.read(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~1", "HEAD")


def test_one_that_nobody_has_read_before(user: World, catching_up: CatchingUp) -> None:
    tree = user.repository()
    since_us = now_us()
    catching_up.read(tree / ".git", since_us)
    assert not user.folder(tree / ".git").exists()
    user.commit(tree, "second")
    CatchingUp(user.paths).read(tree / ".git", since_us)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD")


def test_what_hooks_have_noted_is_not_read_again(user: World, tree: Path, catching_up: CatchingUp) -> None:
    read_before(user, tree)
    catching_up.read(tree / ".git", 0)
    user.commit(tree, "noted by a hook")
    catching_up.settle(tree / ".git")
    user.commit(tree, "second")
    CatchingUp(user.paths).read(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD")


def test_what_was_not_read_is_not_settled(user: World, tree: Path, catching_up: CatchingUp) -> None:
    read_before(user, tree)
    user.commit(tree, "second")
    catching_up.settle(tree / ".git")
    catching_up.read(tree / ".git", 0)
    catching_up.begin()
    user.commit(tree, "third")
    catching_up.settle(tree / ".git")
    CatchingUp(user.paths).read(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~1", "HEAD")


def test_a_git_that_began_while_they_slept_is_waited_for(user: World, tree: Path, catching_up: CatchingUp) -> None:
    """It has read the configuration already, so no hook notes what it does."""
    read_before(user, tree)
    editor = user.root / "editor"
    user.put_script(editor, '#!/bin/sh\ntouch "$0.began"\ncat >/dev/null\necho second >"$1"\n')
    late = subprocess.Popen(
        ["git", "commit", "--quiet", "--allow-empty"],
        cwd=tree,
        env=user.env | {"GIT_EDITOR": str(editor)},
        stdin=subprocess.PIPE,
    )
    until(lambda: Path(f"{editor}.began").exists())
    catching_up.read(tree / ".git", 0)
    late.communicate()
    catching_up.settle(tree / ".git")
    catching_up.read(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD")
    user.commit(tree, "noted by a hook")
    catching_up.read(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~1")


@pytest.mark.parametrize("name", ["hook.tokenguard-post-commit.enabled", "hook.post-commit.enabled"])
def test_a_repository_that_wants_none(user: World, tree: Path, catching_up: CatchingUp, name: str) -> None:
    read_before(user, tree)
    user.git(tree, "config", name, "off")
    user.commit(tree, "second")
    catching_up.read(tree / ".git", 0)
    assert user.spool(tree / ".git") == []


@pytest.mark.parametrize("value", ["false", "always", "true", None])
def test_one_that_keeps_no_log_keeps_all_awake(user: World, catching_up: CatchingUp, value: str | None) -> None:
    tree = user.root / "web"
    user.git(user.root, "init", "--quiet", str(tree))
    if value is not None:
        user.git(tree, "config", "core.logAllRefUpdates", value)
    user.commit(tree, "first")
    catching_up.read(tree / ".git", 0)
    assert catching_up.complete is (value != "false")
    user.git(tree, "config", "core.logAllRefUpdates", "true")
    user.commit(tree, "second")
    catching_up.begin()
    catching_up.read(tree / ".git", 0)
    assert catching_up.complete


def _is_understood_by_none(common_dir: Path) -> bool:
    return False


def test_where_git_is_too_old_for_a_repository_it_is_read_later(
    user: World, tree: Path, catching_up: CatchingUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What commits were made of would be lost."""
    read_before(user, tree)
    manage(user, tree, "seen")
    user.commit(tree, "second")
    with monkeypatch.context() as patch:
        patch.setattr(marking, "is_understood", _is_understood_by_none)
        catching_up.read(tree / ".git", 0)
        catching_up.follow(tree / ".git", 0)
        assert user.spool(tree / ".git") == [] and not catching_up.complete
    catching_up.read(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD") and catching_up.complete


def test_references_in_another_folder_are_not_read(user: World, references: str) -> None:
    """As git 2.54 and newer can have them, by the value of `extensions.refStorage`."""
    common_dir = user.repository() / ".git"
    assert marking.has_log(common_dir) and marking.keeps_log(common_dir)
    (common_dir / {"files": "logs", "tables": "reftable"}[references]).rename(user.root / "elsewhere")
    (common_dir / "HEAD").write_text("ref: refs/heads/.invalid\n")
    assert not marking.has_log(common_dir) and not marking.keeps_log(common_dir)


def test_bare_repositories_are_in_nobodys_way(user: World, catching_up: CatchingUp) -> None:
    user.git(user.root, "init", "--quiet", "--bare", "bare.git")
    catching_up.read(user.root / "bare.git", 0)
    assert catching_up.complete


def manage(world: World, tree: Path, how: str) -> None:
    """Let a hook manager run ours."""
    if how == "seen":
        (world.folder(tree / ".git") / hook_paths.MANAGED).touch()
    else:
        (tree / ".husky").mkdir()
        (tree / ".husky" / "pre-commit").write_text('"$t/hooks/run" pre-commit # of tokenguard\n')


@pytest.mark.parametrize("how", ["seen", "by its file", "by the file of another working tree"])
def test_where_a_manager_runs_ours_commits_are_read_again_and_again(
    user: World, tree: Path, catching_up: CatchingUp, how: str
) -> None:
    common_dir, linked = tree / ".git", user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    manage(user, linked if "another" in how else tree, how)
    catching_up.begin_with(common_dir)
    for number in range(2):
        old = user.hash(tree)
        user.commit(tree, f"{number}")
        user.commit(tree, f"{number}", "--amend")
        user.commit(linked, f"{number}")
        catching_up.follow(common_dir, 0)
        lines = user.spool(common_dir)
        (user.folder(common_dir) / hook_paths.SPOOL).unlink()
        assert user.hash(tree, "HEAD~1") == old
        assert lines[0].startswith("1 commit . main ") and lines[1] == f"1 commit . main {user.hash(tree)}"
        assert sorted(lines[2:]) == [
            f"1 commit linked topic {user.hash(linked)}",
            f"1 rewrite amend {lines[0].split()[-1]} {user.hash(tree)}",
        ]
        catching_up.follow(common_dir, 0)
        assert user.spool(common_dir) == []
    user.commit(tree, "beside another daemon")
    CatchingUp(user.paths).follow(common_dir, 0)
    assert user.spool(common_dir) == made(user, tree, "HEAD")


def test_where_none_does_nothing_is_read(user: World, tree: Path, catching_up: CatchingUp) -> None:
    user.commit(tree, "second")
    catching_up.follow(tree / ".git", 0)
    assert user.spool(tree / ".git") == []
    manage(user, tree, "seen")
    user.commit(tree, "third")
    catching_up.follow(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD~2", "HEAD~1", "HEAD")


def test_one_that_is_followed_already_is_read_from_there(user: World, tree: Path, catching_up: CatchingUp) -> None:
    catching_up.begin_with(tree / ".git")
    user.commit(tree, "second")
    catching_up.begin_with(tree / ".git")
    manage(user, tree, "seen")
    catching_up.follow(tree / ".git", 0)
    assert user.spool(tree / ".git") == made(user, tree, "HEAD")
