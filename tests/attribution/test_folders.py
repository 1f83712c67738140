from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tokenguard.attribution.folders import Folders, Spot

NOW = 2_000_000_000_000_000
SECOND = 1_000_000


def git(folder: Path, *args: str, at: int | None = None) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder)}
    if at is not None:
        env["GIT_COMMITTER_DATE"] = f"@{at} +0200"
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, env=env)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first", at=1_000)
    return folder


@pytest.fixture
def src(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "src"
    folder.mkdir()
    return folder


@pytest.fixture
def web(src: Path) -> Path:
    return made(src / "web")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(dict, tmp_path)


def spot(folders: Folders, folder: Path | str, branch: str | None = "main") -> tuple[str | None, str | None]:
    found = folders.spot(str(folder), branch, NOW)
    return found.repo, found.worktree


def one(path: Path) -> tuple[str, str]:
    return str(path), str(path)


class TestThere:
    def test_a_folder_in_a_repository(self, folders: Folders, web: Path) -> None:
        (web / "api").mkdir()
        assert spot(folders, web / "api") == one(web)

    def test_a_working_tree_belongs_to_its_repository(self, folders: Folders, web: Path, src: Path) -> None:
        git(web, "worktree", "add", "-q", "../login", "-b", "login")
        assert spot(folders, src / "login") == (str(web), str(src / "login"))

    def test_a_folder_in_none(self, folders: Folders, src: Path) -> None:
        assert spot(folders, src) == (None, None)

    @pytest.mark.parametrize("folder", [None, "", "src/web", "C:\\src\\web", "/a\0b", "/a\ud800b", "/" + "a" * 5000])
    def test_what_is_no_folder(self, folders: Folders, folder: str | None) -> None:
        assert folders.spot(folder, "", NOW) == Spot()


class TestGone:
    def test_a_folder_below_one_that_is_there(self, folders: Folders, web: Path) -> None:
        assert spot(folders, web / "packages" / "old") == one(web)

    @pytest.mark.parametrize("place", [".claude/worktrees/login", ".worktrees/login", "worktrees/login"])
    def test_the_usual_places_for_working_trees(self, folders: Folders, web: Path, place: str) -> None:
        assert spot(folders, web / place / "api") == (str(web), str(web / place))

    def test_a_working_tree_that_was_deleted_is_on_the_books(
        self, folders: Folders, web: Path, src: Path, tmp_path: Path
    ) -> None:
        git(web, "worktree", "add", "-q", "../login", "-b", "login")
        shutil.rmtree(src / "login")
        assert spot(folders, src / "login" / "api", "login") == (str(web), str(src / "login"))

    def test_it_is_on_the_books_of_a_repository_elsewhere(self, web: Path, tmp_path: Path) -> None:
        tree = tmp_path.resolve() / "trees" / "x1"
        git(web, "worktree", "add", "-q", str(tree), "-b", "login")
        shutil.rmtree(tree)
        known = Folders(lambda: {str(web): str(web)}, tmp_path)
        assert spot(known, tree, "login") == (str(web), str(tree))

    def test_a_working_tree_of_a_bare_repository(self, web: Path, src: Path, tmp_path: Path) -> None:
        git(src, "clone", "-q", "--bare", str(web), "api.git")
        git(src / "api.git", "worktree", "add", "-q", str(src / "login"), "-b", "login")
        shutil.rmtree(src / "login")
        known = Folders(lambda: dict([one(src / "api.git")]), tmp_path)
        assert spot(known, src / "login", "login") == (str(src / "api.git"), str(src / "login"))

    def test_one_that_was_removed_is_known_by_name_and_branch(self, folders: Folders, web: Path, src: Path) -> None:
        git(web, "worktree", "add", "-q", "../web-login", "-b", "feat/login")
        git(web, "worktree", "remove", "../web-login")
        assert spot(folders, src / "web-login", "feat/login") == (str(web), str(src / "web-login"))
        assert spot(folders, src / "web-login" / "api", "feat/login") == (str(web), str(src / "web-login"))

    def test_also_where_its_branch_is_packed(self, folders: Folders, web: Path, src: Path) -> None:
        git(web, "branch", "login")
        git(web, "pack-refs", "--all")
        shutil.rmtree(web / ".git" / "logs")
        assert spot(folders, src / "web.worktrees" / "x", "login") == (str(web), str(src / "web.worktrees" / "x"))

    @pytest.mark.parametrize(
        ("name", "branch"),
        [("web-login", "other"), ("web-login", "main"), ("website", "login"), ("login", "login"), ("we", "login")],
    )
    def test_otherwise_it_stands_for_itself(
        self, folders: Folders, web: Path, src: Path, name: str, branch: str
    ) -> None:
        git(web, "branch", "login")
        assert spot(folders, src / name, branch) == one(src / name)

    def test_of_two_beside_it_the_one_with_the_longer_name(self, folders: Folders, web: Path, src: Path) -> None:
        api = made(src / "web-api")
        for repo in (web, api):
            git(repo, "branch", "login")
        assert spot(folders, src / "web-api-login", "login") == (str(api), str(src / "web-api-login"))

    def test_what_the_ledger_told_of_holds(self, web: Path, src: Path, tmp_path: Path) -> None:
        folders = Folders(lambda: {str(src / "x"): str(web), str(web): str(web)}, tmp_path)
        assert spot(folders, src / "x" / "api", "gone") == (str(web), str(src / "x"))

    def test_folders_below_one_that_is_gone_belong_to_it(self, folders: Folders) -> None:
        assert spot(folders, "/nowhere/at/all/web") == one(Path("/nowhere/at/all/web"))
        assert spot(folders, "/nowhere/at/all/web/api/v1") == one(Path("/nowhere/at/all/web"))
        assert spot(folders, "/nowhere/at/all/other") == one(Path("/nowhere/at/all/other"))

    def test_where_the_log_says_that_there_was_none(self, folders: Folders, src: Path) -> None:
        assert folders.spot(str(src / "notes"), "", NOW) == Spot()

    def test_where_the_log_says_nothing(self, folders: Folders) -> None:
        assert spot(folders, "/nowhere/me", None) == one(Path("/nowhere/me"))
        assert spot(folders, "/nowhere/me/web", None) == one(Path("/nowhere/me/web"))

    def test_a_home_that_is_a_repository_does_not_swallow_it(self, src: Path, tmp_path: Path) -> None:
        home = tmp_path.resolve()
        git(home, "init", "-q")
        git(home, "commit", "-q", "--allow-empty", "-m", "dotfiles")
        folders = Folders(lambda: dict([one(home)]), home)
        assert spot(folders, src / "old") == one(src / "old")
        assert spot(folders, src) == one(home)

    def test_a_working_tree_whose_files_were_left_behind(self, web: Path, src: Path, tmp_path: Path) -> None:
        (src / "x").mkdir()
        folders = Folders(lambda: {str(src / "x"): str(web)}, tmp_path)
        assert spot(folders, src / "x", "login") == (str(web), str(src / "x"))

    def test_a_repository_within_another(self, folders: Folders, web: Path) -> None:
        inner = made(web / "vendor" / "lib")
        assert spot(folders, inner / "old") == one(inner)
        assert spot(folders, web / "vendor" / "old") == one(web)

    def test_by_a_link(self, folders: Folders, web: Path, src: Path) -> None:
        (src / "link").symlink_to(web)
        assert spot(folders, src / "link" / "old") == one(web)


class TestBranch:
    @pytest.mark.parametrize(("told", "branch"), [("login", "login"), ("HEAD", None), ("", None)])
    def test_what_the_log_says_holds(self, folders: Folders, web: Path, told: str, branch: str | None) -> None:
        assert folders.spot(str(web), told, NOW).branch == branch
        assert folders.spot(None, told, NOW).branch == branch

    def test_else_git_remembers(self, folders: Folders, web: Path) -> None:
        for branch, at in (("login", 2_000), ("logout", 3_000)):
            git(web, "checkout", "-q", "-b", branch, at=at)
        git(web, "checkout", "-q", "--detach", at=4_000)

        def then(second: int) -> str | None:
            return folders.spot(str(web), None, second * SECOND).branch

        assert [then(at) for at in (1_500, 2_000, 2_999, 3_500)] == ["main", "login", "login", "logout"]
        assert then(4_500) is None

    def test_each_working_tree_has_its_own(self, folders: Folders, web: Path, src: Path) -> None:
        git(web, "worktree", "add", "-q", "../login", "-b", "login", at=2_000)
        git(src / "login", "checkout", "-q", "-b", "logout", at=3_000)
        assert folders.spot(str(src / "login"), None, 2_500 * SECOND).branch == "login"
        assert folders.spot(str(web), None, 2_500 * SECOND).branch == "main"

    def test_without_memory_it_is_the_one_of_now(self, folders: Folders, web: Path) -> None:
        shutil.rmtree(web / ".git" / "logs")
        assert folders.spot(str(web), None, SECOND).branch == "main"
