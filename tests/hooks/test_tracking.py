"""What git says of folders of hooks: who looks there, and what it tracks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hooks.world import World
from tokenguard_hooks import chaining, scripts, tracking


def test_who_looks_in_a_folder_of_a_working_tree(user: World) -> None:
    tree, other, linked = user.with_hooks_in_tree(), user.repository("other"), user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    for folder in (tree / ".githooks", linked / ".githooks"):
        assert tracking.leads_to({folder}, tree / ".git") and not tracking.leads_to({folder}, other / ".git")
    assert not tracking.leads_to({tree / ".git" / "hooks"}, tree / ".git") and not tracking.leads_to((), tree / ".git")


def test_who_looks_in_a_folder_to_which_a_link_leads(user: World) -> None:
    tree, elsewhere = user.repository(), user.root / "elsewhere"
    (tree / ".git" / "hooks").rename(elsewhere)
    (tree / ".git" / "hooks").symlink_to(elsewhere)
    assert tracking.leads_to({elsewhere}, tree / ".git")


ALL = frozenset(scripts.TO_SLEEP)


def tracked(user: World) -> Path:
    """A folder of hooks below a working tree, in which git tracks one, with ours in its place."""
    folder = user.repository() / "below" / "hooks"
    folder.mkdir(parents=True, mode=0o755)
    user.put_script(folder / "pre-commit", "#!/bin/sh\necho mine\n")
    user.git(folder, "add", ".")
    user.commit(folder, "with a hook")
    chaining.put_in(folder, scripts.EVENTS, user.paths)
    return folder


def test_what_git_tracks_stands_in_the_place_of_ours(user: World) -> None:
    folder = tracked(user)
    assert tracking.movable(folder, user.paths) == ALL
    (folder / "pre-commit.tg-chained").replace(folder / "pre-commit")
    assert tracking.movable(folder, user.paths) == ALL - {"pre-commit"}, "there was none, as far as can be told"
    shutil.copy2(folder / "pre-commit", folder / "pre-commit.tg-chained")
    assert tracking.movable(folder, user.paths) == ALL


def test_it_is_compared_as_git_does_it(user: World) -> None:
    """Which keeps another text of some files than stands in the working tree."""
    tree = user.repository()
    (tree / ".gitattributes").write_text("pre-commit ident\n")
    user.put_script(tree / "pre-commit", "#!/bin/sh\n# $Id$\n")
    user.git(tree, "add", ".")
    (tree / "pre-commit").unlink()
    user.git(tree, "checkout", "--quiet", "--", "pre-commit")
    assert "$Id: " in (tree / "pre-commit").read_text()
    chaining.put_in(tree, scripts.EVENTS, user.paths)
    assert tracking.movable(tree, user.paths) == ALL


def _another_text(user: World, folder: Path) -> None:
    user.put_script(folder / "pre-commit.tg-chained", "#!/bin/sh\necho more\n")


def _another_mode(user: World, folder: Path) -> None:
    (folder / "pre-commit.tg-chained").chmod(0o644)


def _a_link(user: World, folder: Path) -> None:
    (folder / "pre-commit.tg-chained").rename(folder / "elsewhere")
    (folder / "pre-commit.tg-chained").symlink_to("elsewhere")


def _missing(user: World, folder: Path) -> None:
    (folder / "pre-commit.tg-chained").unlink()


def _ours(user: World, folder: Path) -> None:
    user.git(folder, "add", "pre-commit")


def _all_of_ours(user: World, folder: Path) -> None:
    user.git(folder, "rm", "--quiet", "--cached", "--force", "pre-commit")
    user.git(folder, "add", "pre-commit.tg-chained")


def _merged(user: World, folder: Path) -> None:
    """The index has several of them then."""
    hash = user.git(folder, "rev-parse", ":./pre-commit").stdout.strip()
    lines = "".join(f"100755 {hash} {stage}\tbelow/hooks/pre-commit\n" for stage in (2, 3))
    (user.root / "lines").write_text(f"0 {'0' * len(hash)}\tbelow/hooks/pre-commit\n{lines}")
    user.git(folder, "-c", f"alias.put=!git update-index --index-info <'{user.root}/lines'", "put")
    assert user.git(folder, "ls-files", "--unmerged").stdout


def _filtered(user: World, folder: Path) -> None:
    """By a program that the repository names, which is not to be started."""
    (folder / ".gitattributes").write_text("pre-commit filter=own\n")
    user.git(folder, "config", "filter.own.clean", f"touch '{user.root}/started'; cat")


WHYS = [_another_text, _another_mode, _a_link, _missing, _ours, _all_of_ours, _merged, _filtered]


@pytest.mark.parametrize("why", WHYS)
def test_what_git_tracks_would_be_changed(user: World, why: Callable[[World, Path], None]) -> None:
    folder = tracked(user)
    why(user, folder)
    assert tracking.movable(folder, user.paths) == ALL - {"pre-commit"}
    assert not (user.root / "started").exists()


def test_while_git_goes_from_commit_to_commit_what_it_tracks_is_not_changed(user: World) -> None:
    """A rebase that has stopped does not go on beside a change; ours makes none by falling asleep."""
    folder = tracked(user)
    (folder.parents[1] / ".git" / "rebase-merge").mkdir()
    assert tracking.movable(folder, user.paths) == ALL
    shutil.copy2(folder / "pre-commit.tg-chained", folder / "pre-commit")
    assert tracking.movable(folder, user.paths) == ALL - {"pre-commit"}


def test_what_git_does_not_tell_is_not_changed(user: World) -> None:
    folder = tracked(user)
    with open(folder.parents[1] / ".git" / "config", "a") as config:
        config.write("[core]\n\trepositoryformatversion = 99\n")
    assert tracking.movable(folder, user.paths) == frozenset()


def test_which_hooks_git_tracks(user: World) -> None:
    assert tracking.tracked(tracked(user)) == {"pre-commit"} and tracking.tracked(user.root / "gone") == frozenset()


def test_where_there_is_no_repository_or_in_its_own_folder_git_tracks_nothing(user: World) -> None:
    assert tracking.movable(user.root, user.paths) == ALL
    assert tracking.movable(user.repository() / ".git" / "hooks", user.paths) == ALL
