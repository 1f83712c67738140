"""What a repository knows of its branches; of working trees, `test_folders` tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import tabled
from tokenguard.attribution import books


@pytest.fixture(params=["loose", "packed", "remembered", "tables"])
def repo(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A repository with a branch feat/x."""
    git_dir = tmp_path / "web" / ".git"
    if request.param == "tables":
        tabled.put(git_dir)
        return git_dir.parent
    files = {"loose": "refs/heads/feat/x", "packed": "packed-refs", "remembered": "logs/refs/heads/feat/x"}
    file = git_dir / files[request.param]
    file.parent.mkdir(parents=True)
    file.write_text(f"{tabled.TWO} refs/heads/feat/x\n")
    (git_dir / "HEAD").write_text("ref: refs/heads/main\n")
    return git_dir.parent


def test_it_has_its_branches_and_no_others(repo: Path) -> None:
    assert books.has(str(repo), "feat/x")
    assert not any(books.has(str(repo), name) for name in ("feat", "v1", "x", "", None, "a\0b"))
    assert not books.has(str(repo.parent), "feat/x")


def test_tables_that_are_torn_tell_of_none(tmp_path: Path) -> None:
    (tabled.put(tmp_path / ".git") / "tables.list").write_text("gone\n")
    assert not books.has(str(tmp_path), "feat/x")
