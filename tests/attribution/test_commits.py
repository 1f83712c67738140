"""Commits by branch, of real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support import tabled
from tests.support.tabled import ONE, TWO
from tokenguard.attribution.commits import Commit, History, made_here

START_S = 1_763_719_200


class Repository:
    """A repository whose clock is ours."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.now_s = START_S
        top.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str, folder: Path | None = None) -> str:
        names = {
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
        }
        dates = {"GIT_AUTHOR_DATE": f"@{self.now_s} +0000", "GIT_COMMITTER_DATE": f"@{self.now_s} +0000"}
        env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(self.top), **names, **dates}
        return subprocess.run(
            ["git", *words], cwd=folder or self.top, env=env, check=True, capture_output=True, text=True
        ).stdout

    def commit(self, subject: str, folder: Path | None = None) -> None:
        self.now_s += 60
        self.git("commit", "--quiet", "--allow-empty", "--message", subject, folder=folder)

    def told(self, *branches: str, since_us: int = 0) -> dict[str, list[str]]:
        found = lines(self.top, *branches, since_us=since_us)
        return {name: [one.subject for one in line] for name, line in found.items()}


def lines(folder: Path, *branches: str, since_us: int = 0) -> dict[str, tuple[Commit, ...]]:
    return History(str(folder), since_us).lines(branches)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.commit("one")
    return made


def test_a_branch_is_its_commits_by_first_parents_in_order(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "feat/x")
    repository.commit("x1")
    repository.commit("x2")
    repository.git("checkout", "--quiet", "main")
    repository.commit("two")
    repository.now_s += 60
    repository.git("merge", "--quiet", "--no-ff", "feat/x", "-m", "Merge branch 'feat/x'")
    assert repository.told("main", "feat/x", "never") == {
        "main": ["one", "two", "Merge branch 'feat/x'"],
        "feat/x": ["one", "x1", "x2"],
    }


@pytest.mark.parametrize("subject", ["Merge branch 'feat/x'", "Merge pull request #7 from me/feat/x"])
def test_a_branch_that_was_merged_and_deleted_is_known_by_its_merge(repository: Repository, subject: str) -> None:
    repository.git("checkout", "--quiet", "-b", "feat/x")
    repository.commit("x1")
    repository.git("checkout", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-ff", "feat/x", "-m", subject)
    repository.git("branch", "--quiet", "-D", "feat/x")
    repository.git("reflog", "expire", "--expire=now", "--all")
    assert repository.told("feat/x") == {"feat/x": ["one", "x1"]}


def test_a_branch_that_was_squashed_and_deleted_is_known_by_the_reflog(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "feat/x")
    repository.commit("x1")
    repository.git("checkout", "--quiet", "main")
    repository.git("branch", "--quiet", "-D", "feat/x")
    repository.commit("x, squashed")
    assert repository.told("feat/x", "main") == {"feat/x": ["x1"], "main": ["one", "x, squashed"]}


def test_commits_of_other_working_trees_count_too(repository: Repository, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    repository.git("worktree", "add", "--quiet", "-b", "side", str(tree))
    repository.commit("s1", folder=tree)
    assert repository.told("side") == {"side": ["one", "s1"]}


def test_branches_of_remotes_are_known(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "-b", "feat/x")
    repository.commit("x1")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", str(repository.top), str(clone))
    found = lines(clone, "feat/x", "main")
    assert [one.subject for one in found["feat/x"]] == ["one", "x1"]


def test_only_what_is_new_enough_and_when_it_was_written(repository: Repository) -> None:
    repository.commit("two")
    assert repository.told("main", since_us=(START_S + 100) * 1_000_000) == {"main": ["two"]}
    repository.now_s += 500
    repository.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "two, amended")
    (_, last) = lines(repository.top, "main")["main"]
    assert (last.subject, last.at_us) == ("two, amended", (START_S + 120) * 1_000_000)


def test_settings_of_a_repository_run_nothing(repository: Repository, tmp_path: Path) -> None:
    bait, trap = tmp_path / "ran", tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {bait}\n")
    trap.chmod(0o755)
    for name, value in [("log.showSignature", "true"), ("gpg.program", str(trap)), ("core.pager", str(trap))]:
        repository.git("config", name, value)
    repository.git("config", "core.fsmonitor", str(trap))
    assert repository.told("main") == {"main": ["one"]}
    assert not bait.exists()


def test_within_a_hook_of_another_repository(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repository(tmp_path / "other")
    other.commit("of the other one")
    monkeypatch.setenv("GIT_DIR", str(other.top / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.top))
    assert repository.told("main") == {"main": ["one"]}


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_where_there_is_no_repository_nothing_is_known(tmp_path: Path, folder: str) -> None:
    assert lines(tmp_path / folder, "main") == {}


def test_what_was_made_on_a_branch_is_found_in_tables(tmp_path: Path) -> None:
    tabled.put(tmp_path / ".git" / "worktrees" / "linked")
    assert made_here(str(tmp_path)) == {"main": [ONE], "feat/x": [TWO]}
