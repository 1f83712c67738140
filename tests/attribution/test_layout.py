from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import tabled
from tests.support.newer_git import TABLES_SINCE, newer_git
from tokenguard.attribution import layout, locate
from tokenguard.attribution.layout import MAIN, WorkingTree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def git(where: Path, *args: str) -> str:
    ours = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "protocol.file.allow=always"]
    run = subprocess.run(["git", *ours, *args], cwd=where, check=True, capture_output=True, text=True)
    return run.stdout


def repository(path: Path, *options: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    git(path.parent, "init", "-q", "-b", "main", *options, str(path))
    if "--bare" not in options:
        git(path, "commit", "-q", "--allow-empty", "-m", "first")
    return path


def trees(common_dir: Path, *known: Path) -> dict[str, WorkingTree]:
    found = layout.working_trees(str(common_dir), lambda: map(str, known))
    return {one.name: one for one in found}


def as_calls_say(*paths: Path) -> list[tuple[str | None, str]]:
    return [(locate(path).repo, str(path)) for path in paths]


def test_the_main_tree_is_beside_its_git_folder(folder: Path) -> None:
    repo = repository(folder / "web")
    assert trees(repo / ".git") == {MAIN: WorkingTree(MAIN, str(repo), str(repo))}


def test_linked_trees_are_named_as_git_names_them(folder: Path) -> None:
    repo = repository(folder / 'a "web" $(id)\nsite')
    where = folder / "some\nwhere"
    git(repo, "worktree", "add", "-q", "-b", "login", str(where))
    found = trees(repo / ".git")
    (linked,) = os.listdir(repo / ".git/worktrees")
    assert list(found) == [MAIN, linked]
    assert [(one.repo, one.path) for one in found.values()] == as_calls_say(repo, where)


def test_a_linked_tree_that_is_gone_is_left_out(folder: Path) -> None:
    repo = repository(folder / "web")
    git(repo, "worktree", "add", "-q", "-b", "login", str(folder / "login"))
    (folder / "login").rename(folder / "elsewhere")
    assert list(trees(repo / ".git")) == [MAIN]


def test_a_bare_repository_has_linked_trees_only(folder: Path) -> None:
    bare = repository(folder / "web.git", "--bare")
    seed = repository(folder / "seed")
    git(seed, "push", "-q", str(bare), "main")
    git(bare, "worktree", "add", "-q", str(folder / "work"), "main")

    def not_asked() -> list[str]:
        raise AssertionError("nobody has to guess where a bare repository is")

    found = {one.name: one for one in layout.working_trees(str(bare), not_asked)}
    assert found == {
        MAIN: WorkingTree(MAIN, str(bare), None),
        "work": WorkingTree("work", str(bare), str(folder / "work")),
    }
    assert locate(folder / "work").repo == str(bare)


@pytest.mark.parametrize("name", ["lib", 'a "lib"; #1'])
def test_a_submodule_s_folder_is_where_its_settings_say(folder: Path, name: str) -> None:
    lib, web = repository(folder / "lib"), repository(folder / "web")
    git(web, "submodule", "--quiet", "add", "--name", "lib", str(lib), name)
    common = Path(git(web / name, "rev-parse", "--absolute-git-dir").rstrip("\n"))
    assert common.parent.name == "modules"
    (found,) = trees(common).values()
    assert [(found.repo, found.path)] == as_calls_say(web / name)


def test_a_git_folder_that_lies_apart_is_found_by_the_trees_that_are_known(folder: Path) -> None:
    common, other = folder / "web.gitdir", repository(folder / "other")
    repo = repository(folder / "web", "--separate-git-dir", str(common))
    assert trees(common, other, folder / "gone", repo)[MAIN].repo == locate(repo).repo == str(repo)
    assert trees(common, other)[MAIN] == WorkingTree(MAIN, str(common), None)


def test_settings_cannot_claim_somebody_else_s_tree(folder: Path) -> None:
    repo, victim = repository(folder / "evil" / "gitdir", "--bare"), repository(folder / "web")
    git(repo, "config", "core.bare", "false")
    git(repo, "config", "core.worktree", str(victim))
    assert trees(repo)[MAIN] == WorkingTree(MAIN, str(repo), None)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS makes no such names")
def test_trees_whose_names_are_no_text_are_named_as_calls_say(folder: Path) -> None:
    odd = repository(folder / os.fsdecode(b"od\xffd"))
    git(odd, "worktree", "add", "-q", os.fsdecode(b"../li\xffnked"))
    found = trees(odd / ".git")
    assert found.pop(MAIN) == WorkingTree(MAIN, *[str(folder / "od\ufffdd")] * 2)
    (linked,) = found.values()
    assert (linked.repo, linked.path) == (str(folder / "od\ufffdd"), str(folder / "li\ufffdnked"))


def test_what_is_no_repository_has_one_tree_and_no_branch(folder: Path) -> None:
    assert not layout.is_repository(str(folder))
    assert not layout.is_repository(str(folder / "gone"))
    assert layout.branches(str(folder)) == set()
    assert layout.is_repository(str(repository(folder / "web") / ".git"))


def test_branches_are_found_loose_and_packed(folder: Path) -> None:
    repo = repository(folder / "web")
    for name in ("feat/login", "feat/two", "fix;rm", "v1"):
        git(repo, "branch", name)
    git(repo, "tag", "v2")
    git(repo, "pack-refs", "--all")
    git(repo, "branch", "feat/late")
    assert layout.branches(str(repo / ".git")) == {"main", "feat/login", "feat/two", "feat/late", "fix;rm", "v1"}


def test_branches_are_found_in_tables(tmp_path: Path) -> None:
    stack = tabled.put(tmp_path)
    assert layout.branches(str(tmp_path)) == {"main", "feat/x"}
    is_other = layout.others(str(tmp_path))
    assert is_other("v1") and not is_other("main")
    (stack / "tables.list").write_text("gone\n")
    assert layout.branches(str(tmp_path)) == set() and not layout.others(str(tmp_path))("v1")


@pytest.mark.parametrize("references", ["files", "reftable"])
def test_what_is_checked_out_may_be_a_tag(folder: Path, monkeypatch: pytest.MonkeyPatch, references: str) -> None:
    if references == "reftable":
        monkeypatch.setenv("PATH", f"{newer_git(TABLES_SINCE)}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("GIT_DEFAULT_REF_FORMAT", references)
    repo = repository(folder / "web")
    git(repo, "tag", "v2")
    git(repo, "update-ref", "refs/remotes/origin/x", "HEAD")
    is_other = layout.others(str(repo / ".git"))
    assert list(filter(is_other, ("v2", "origin", "origin/x", "x", "main", "v"))) == ["v2", "origin", "origin/x"]
