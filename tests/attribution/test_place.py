from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import tabled
from tokenguard.attribution.place import Place, locate


def git(folder: Path, *args: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = (tmp_path / "web").resolve()
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_a_folder_inside_a_repository_belongs_to_it(repo: Path) -> None:
    (repo / "a" / "b").mkdir(parents=True)
    place = locate(repo / "a" / "b")
    assert (place.repo, place.worktree, place.branch()) == (str(repo), str(repo), "main")


def test_the_branch_is_read_anew(repo: Path) -> None:
    place = locate(repo)
    git(repo, "checkout", "-q", "-b", "feat/login")
    assert place.branch() == "feat/login"


def test_a_detached_head_is_on_no_branch(repo: Path) -> None:
    git(repo, "checkout", "-q", "--detach")
    assert locate(repo).branch() is None


def test_a_repository_without_a_commit_has_a_branch(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    assert locate(tmp_path).branch() == "trunk"


def test_linked_working_trees_belong_to_one_repository(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    place = locate(tmp_path / "linked")
    assert (place.repo, place.worktree) == (str(repo), str((tmp_path / "linked").resolve()))
    assert place.branch() == "side"
    assert place.common_dir == locate(repo).common_dir == str(repo / ".git")
    assert Place().common_dir is None


def test_a_submodule_is_a_repository_of_its_own(repo: Path, tmp_path: Path) -> None:
    outer = (tmp_path / "outer").resolve()
    outer.mkdir()
    git(outer, "init", "-q", "-b", "main")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "inner")
    place = locate(outer / "inner")
    assert (place.repo, place.branch()) == (str(outer / "inner"), "main")


def test_a_link_leads_to_where_it_points(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repo)
    assert locate(tmp_path / "link").repo == str(repo)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS makes no such names")
def test_a_folder_whose_name_is_no_text_has_one_that_can_be_written_down(repo: Path) -> None:
    odd = repo.rename(repo.with_name(os.fsdecode(b"od\xffd")))
    place = locate(odd)
    assert (place.repo, place.worktree) == (str(repo.with_name("od\ufffdd")),) * 2
    assert (place.git_dir, place.branch()) == (str(odd / ".git"), "main")


def test_outside_a_repository_there_is_no_place(tmp_path: Path) -> None:
    assert locate(tmp_path) == Place()
    assert locate(tmp_path / "absent") == Place()
    assert Place().branch() is None


@pytest.mark.parametrize("content", ["", "gitdir: /no/such/folder\n", "\xff\xfe nonsense"])
def test_what_only_looks_like_a_repository_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    assert locate(tmp_path) == Place()


def test_a_head_that_vanishes_is_on_no_branch(repo: Path) -> None:
    place = locate(repo)
    (repo / ".git" / "HEAD").rename(repo / ".git" / "HEAD.away")
    assert place.branch() is None


def test_a_branch_in_tables(repo: Path) -> None:
    """Which tell of it in each working tree by themselves; where they lie elsewhere or are torn, nothing does."""
    stack = tabled.put(repo / ".git" / "worktrees" / "linked")
    for found, branch in ((stack, "feat/x"), (repo / "nowhere", None)):
        place = Place(git_dir=str(found.parent))
        found.parent.mkdir(exist_ok=True)
        (found.parent / "HEAD").write_text("ref: refs/heads/.invalid\n")
        assert place.branch() == branch
    (stack / "tables.list").write_text("gone\n")
    assert Place(git_dir=str(stack.parent)).branch() is None
