from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from tests.status_files.hooked import DOLLAR, Hooked, budget
from tests.support import tabled
from tests.support.house import House
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.config.sections import HookSettings
from tokenguard.policy.reactions import Reaction
from tokenguard.status_files import survey

DAY = '[[budget]]\nname = "own"\nlimit = 5\nwindow = "day"\n'


def test_where_there_are_no_hooks_there_is_nothing_to_look_at(hooked: Hooked) -> None:
    shutil.rmtree(hook_paths.repositories(hooked.paths))
    assert list(hooked.survey.folders()) == []


def test_folders_on_the_way_are_no_repositories(hooked: Hooked) -> None:
    assert list(hooked.survey.folders()) == [hooked.folder]


def test_a_repository_within_another_is_one_too(hooked: Hooked, tmp_path: Path) -> None:
    hooked.git("init", "-q", "lib", where=tmp_path)
    hooked.git("commit", "-q", "--allow-empty", "-m", "first", where=tmp_path / "lib")
    hooked.git("submodule", "--quiet", "add", str(tmp_path / "lib"))
    inner = hooked.install(hooked.house.repo / ".git/modules/lib")
    assert set(hooked.survey.folders()) == {hooked.folder, inner}
    (tree,) = hooked.repository(inner).trees
    assert tree.path == tree.rules.repo == str(hooked.house.repo / "lib")


def test_what_is_gone_is_left_out_but_its_notes_are_found(hooked: Hooked, tmp_path: Path) -> None:
    gone = hooked.install(tmp_path / "gone" / ".git")
    assert list(hooked.survey.folders()) == [hooked.folder]
    (gone / hook_paths.SPOOL).touch()
    assert set(hooked.survey.folders()) == {hooked.folder, gone}
    assert hooked.survey.repository(gone, hooked.config) is None
    shutil.rmtree(hooked.folder)
    assert hooked.survey.repository(hooked.folder, hooked.config) is None


def test_working_trees_go_by_their_own_files_and_copies_are_the_same_rules(hooked: Hooked, tmp_path: Path) -> None:
    repo = hooked.house.repo
    (repo / "tokenguard.toml").write_text(DAY)
    hooked.git("add", ".")
    hooked.git("commit", "-q", "-m", "a budget")
    for name in ("same", "other"):
        hooked.git("worktree", "add", "-q", "-b", name, str(tmp_path / name))
    (tmp_path / "other" / "tokenguard.toml").write_text(f'{DAY}[hooks]\ncommit = "block"\n')
    main, other, same = hooked.repository().trees
    assert [main.name, other.name, same.name] == [".", "other", "same"]
    assert same.rules == main.rules != other.rules
    assert {tree.rules.repo for tree in (main, other, same)} == {str(repo)}
    assert (main.rules.reactions.own, other.rules.reactions.own) == (
        Reaction(push="block"),
        Reaction(commit="block", push="block"),
    )


def test_trees_whose_commits_are_told_are_those_with_a_log_in_tables(hooked: Hooked, tmp_path: Path) -> None:
    assert hooked.repository().logged == ()
    common_dir = hooked.house.repo / ".git"
    for name in ("told", "empty"):
        hooked.git("worktree", "add", "-q", "-b", name, str(tmp_path / name))
    tabled.put(common_dir)
    tabled.put(common_dir / "worktrees" / "told")
    assert hooked.repository().logged == (".", "told")
    (common_dir / "reftable" / "tables.list").unlink()
    assert hooked.repository().logged == ("told",)


def test_a_file_that_is_wrong_says_nothing_and_is_told_of_once(
    hooked: Hooked, caplog: pytest.LogCaptureFixture
) -> None:
    file = hooked.house.repo / "tokenguard.toml"
    file.write_text("[daemon]\nport = 1\n")
    with caplog.at_level(logging.WARNING):
        trees = [hooked.repository().trees for _ in range(3)]
    assert all(tree.rules.own == () and tree.rules.reactions.own == Reaction(push="block") for (tree,) in trees)
    assert caplog.text.count("a repository can only add budgets") == 1
    file.write_text(DAY)
    assert hooked.repository().trees[0].rules.own[0].name == "own"


def test_what_is_not_known_for_sure_is_not_said(hooked: Hooked, caplog: pytest.LogCaptureFixture) -> None:
    hooked.house.budgets(budget(scope="branch"))
    paths = Paths(hooked.house.folder / "no ledger", hooked.house.folder / "no ledger")
    folder = hook_paths.folder(paths, hooked.house.repo / ".git")
    folder.mkdir(parents=True)
    elsewhere = survey.Survey(paths)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert elsewhere.repository(folder, hooked.config) is None
    assert caplog.text.count("there is no ledger") == 1


class TestBranches:
    async def spend(self, hooked: Hooked, branch: str) -> None:
        house: House = hooked.house
        hooked.git("checkout", "-q", "-B", branch)
        await house.call(await house.session(), output=DOLLAR)
        await house.guard.counting.tally.written()

    async def test_they_are_looked_at_only_where_a_budget_depends_on_them(self, hooked: Hooked) -> None:
        await self.spend(hooked, "feat/login")
        hooked.house.budgets(budget(scope="repo"))
        assert hooked.repository().branches == ()
        hooked.house.budgets(budget(scope="branch"))
        assert hooked.repository().branches == ("feat/login",)

    async def test_those_that_a_budget_names_are_known_before_a_call(self, hooked: Hooked) -> None:
        for name in ("release/1", "release/2", "feat/x"):
            hooked.git("branch", name)
        hooked.house.budgets(budget(match={"branch": "release/*"}))
        assert hooked.repository().branches == ("release/1", "release/2")

    async def test_those_that_are_gone_cannot_be_committed_to(self, hooked: Hooked) -> None:
        await self.spend(hooked, "feat/login")
        await self.spend(hooked, "main")
        hooked.git("branch", "-D", "feat/login")
        hooked.house.budgets(budget(scope="branch"))
        assert hooked.repository().branches == ("main",)

    async def test_a_repository_s_own_budgets_can_depend_on_them_too(self, hooked: Hooked) -> None:
        await self.spend(hooked, "main")
        (hooked.house.repo / "tokenguard.toml").write_text(f'{DAY}scope = "branch"\n')
        assert hooked.repository().branches == ("main",)

    async def test_of_very_many_those_that_cost_something_are_kept(
        self, hooked: Hooked, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(survey, "MOST_BRANCHES", 3)
        for number in range(5):
            hooked.git("branch", f"a{number}")
        await self.spend(hooked, "z")
        hooked.house.budgets(budget(match={"branch": "*"}))
        assert hooked.repository().branches == ("z", "a0", "a1")

    async def test_a_name_that_breaks_a_line_is_left_out(self, hooked: Hooked) -> None:
        head = hooked.git("rev-parse", "HEAD")
        heads = hooked.house.repo / ".git/refs/heads"
        for name in (b"a b", b"a\nb", b"-", b"*", b"\xff"):  # git itself makes only the last of these
            (heads / os.fsdecode(name)).write_text(f"{head}\n")
        hooked.house.budgets(budget(match={"branch": "*"}))
        assert set(hooked.repository().branches) == {"main", "\udcff"}


def test_trailers_and_notes_are_the_user_s_alone(hooked: Hooked) -> None:
    hooked.hooks = HookSettings(trailers=("session",))
    (hooked.house.repo / "tokenguard.toml").write_text("[hooks]\nnotes = true\n")
    assert hooked.repository().trees[0].rules.reactions.own == Reaction()
