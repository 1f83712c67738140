"""What git says of folders of hooks: who looks there, and what it tracks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hooks.world import World
from tokenguard_hooks import tracking


def in_work_tree(user: World) -> Path:
    """A repository whose hooks are in its working tree."""
    tree = user.repository()
    user.git(tree, "config", "core.hooksPath", ".githooks")
    (tree / ".githooks").mkdir(mode=0o755)
    return tree


def test_who_looks_in_a_folder_of_a_working_tree(user: World) -> None:
    tree, other, linked = in_work_tree(user), user.repository("other"), user.root / "linked"
    user.git(tree, "worktree", "add", "--quiet", "-b", "topic", str(linked))
    for folder in (tree / ".githooks", linked / ".githooks"):
        assert tracking.leads_to({folder}, tree / ".git") and not tracking.leads_to({folder}, other / ".git")
    assert not tracking.leads_to({tree / ".git" / "hooks"}, tree / ".git") and not tracking.leads_to((), tree / ".git")


def test_who_looks_in_a_folder_to_which_a_link_leads(user: World) -> None:
    tree, elsewhere = user.repository(), user.root / "elsewhere"
    (tree / ".git" / "hooks").rename(elsewhere)
    (tree / ".git" / "hooks").symlink_to(elsewhere)
    assert tracking.leads_to({elsewhere}, tree / ".git")


@pytest.mark.parametrize(("mode", "free"), [(0o755, True), (0o700, True), (0o775, False), (0o757, False)])
def test_a_folder_that_others_can_write_to(tmp_path: Path, mode: int, free: bool) -> None:
    tmp_path.chmod(mode)
    assert tracking.is_free(tmp_path) is free


def test_a_folder_of_somebody_else_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert not tracking.is_free(tmp_path) and not tracking.is_free(tmp_path / "gone")
