"""What is read of tables is what git tells of them, and where that is less, what a file would hold."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.support import tabled
from tests.support.newer_git import TABLES_SINCE, newer_git
from tests.support.tabled import ONE, TWO
from tokenguard.attribution import tables
from tokenguard.attribution.reftable import Table

WHO = ("-c", "user.name=Ann \N{LATIN SMALL LETTER O WITH DIAERESIS}", "-c", "user.email=a@b")


class Repository:
    """One of a git that keeps references in tables."""

    def __init__(self, top: Path, *options: str) -> None:
        self.top, self.git_dir = top, top / ".git"
        self._git = newer_git(TABLES_SINCE) / "git"
        top.mkdir()
        self.git("init", "-q", "-b", "main", "--ref-format=reftable", *options)

    def git(self, *words: str, told: str = "", ok: bool = True) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.top)}
        run = subprocess.run(
            [self._git, *WHO, *words], cwd=self.top, env=env, input=told, capture_output=True, text=True, check=ok
        )
        return run.stdout.rstrip("\n")

    def commit(self, subject: str, *options: str) -> None:
        self.git("commit", "-q", "--allow-empty", "-m", subject, *options)

    def told(self, name: str) -> list[str]:
        """A log, the newest first, as git tells it."""
        form = "--format=%H %gn <%ge> %gd\t%gs"
        return self.git("log", "-g", "--date=raw", form, name, "--").splitlines()

    def read(self, name: str) -> list[str]:
        """The same as it is read."""
        found = tables.log(self.git_dir, name) or []
        short = name.removeprefix("refs/heads/")
        return [
            f"{one.new} {one.name.decode()} <{one.mail.decode()}> {short}@{{{one.at_s} {one.zone}}}\t{one.how.decode()}"
            for _, one in found
        ]


@pytest.fixture(params=["sha1", "sha256"])
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Repository:
    return Repository(tmp_path / "web", f"--object-format={request.param}")


@pytest.mark.parametrize("block", ["256", "1024", "4096"])
def test_all_of_it_is_what_git_tells(repository: Repository, block: str) -> None:
    """With many blocks, tables put together, and what was deleted."""
    repository.git("config", "reftable.blockSize", block)
    assert tables.log(repository.git_dir, "HEAD") is None
    for number in range(30):
        repository.commit(f"{number}", *(("--amend",) if number % 7 == 6 else ()))
    repository.git("checkout", "-q", "-b", "feat/x")
    hash = repository.git("rev-parse", "HEAD")
    names = [f"refs/heads/many/{number}" for number in range(200)]
    repository.git("update-ref", "--stdin", told="".join(f"create {name} {hash}\n" for name in names))
    repository.git("update-ref", "--stdin", told="".join(f"delete {name}\n" for name in names[::3]))
    repository.git("reflog", "delete", "HEAD@{4}")
    for _ in range(2):
        for name in ("HEAD", "refs/heads/main", "refs/heads/feat/x", names[1]):
            assert repository.read(name) == repository.told(name) != []
            latest = tables.log(repository.git_dir, name, 1)
            assert latest and latest == (tables.log(repository.git_dir, name) or [])[:1]
        found = {name for name in tables.names(repository.git_dir) if name.startswith("refs/")}
        assert found == set(repository.git("for-each-ref", "--format=%(refname)").split())
        assert tables.target(repository.git_dir, "HEAD") == "refs/heads/feat/x"
        repository.git("pack-refs", "--all")
        repository.commit("after")


def test_a_linked_working_tree_has_its_own(repository: Repository, tmp_path: Path) -> None:
    repository.commit("first")
    repository.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = repository.git_dir / "worktrees" / "linked"
    assert tables.target(linked, "HEAD") == "refs/heads/side"
    assert [one.how for _, one in tables.log(linked, "HEAD") or []][-1] == b""
    repository.git("checkout", "-q", "--detach")
    assert tables.target(repository.git_dir, "HEAD") is None
    assert [one.how for _, one in tables.log(repository.git_dir, "HEAD") or []][-1] == b"commit (initial): first"


def test_of_what_git_tells_less(repository: Repository) -> None:
    """A HEAD without a commit, one without a log of its own, and commits that are gone."""
    repository.commit("first")
    repository.commit("second")
    gone = repository.git("rev-parse", "HEAD")
    repository.commit("second, better", "--amend")
    (repository.git_dir / "objects" / gone[:2] / gone[2:]).unlink()
    assert gone not in repository.git("log", "-g", "--format=%H")
    repository.git("checkout", "-q", "--orphan", "alone")
    repository.git("log", "-g", "HEAD", "--", ok=False)
    amended, second, _ = (one for _, one in tables.log(repository.git_dir, "HEAD") or [])
    assert amended.how == b"commit (amend): second, better" and second.how == b"commit: second"
    assert amended.old == second.new == gone
    repository.git("checkout", "-q", "main")
    repository.git("reflog", "drop", "HEAD")
    assert tables.log(repository.git_dir, "HEAD") is None and repository.git("log", "-g", "--format=%H", "HEAD")


def test_a_log_without_lines_is_one(repository: Repository) -> None:
    repository.commit("first")
    repository.git("reflog", "expire", "--expire=now", "--all")
    assert tables.log(repository.git_dir, "HEAD") == []


def test_lines_are_those_of_a_file(tmp_path: Path) -> None:
    tabled.put(tmp_path)
    found = tables.log(tmp_path, "HEAD") or []
    assert b"".join(one.text for one in reversed(found)).decode().splitlines() == [
        f"{'0' * 40} {ONE} Ann <a@b> 1700000000 +0100\tcommit (initial): one",
        f"{ONE} {ONE} Ann <a@b> 1700000000 +0100\tcheckout: moving from main to feat/x",
        f"{ONE} {TWO} Ann <a@b> 1700000000 +0100\tcommit (amend): two",
    ]
    assert [one.number for one in found] == sorted({one.number for one in found}, reverse=True)
    assert tables.names(tmp_path) == {"HEAD", "refs/heads/main", "refs/heads/feat/x", "refs/tags/v1"}
    assert tables.target(tmp_path, "HEAD") == "refs/heads/feat/x"
    assert tables.target(tmp_path, "refs/heads/main") is None and tables.target(tmp_path, "refs/zzz") is None
    assert tables.log(tmp_path, "refs/heads/none") is None


def test_without_a_message_there_is_none(tmp_path: Path) -> None:
    tabled.put(tmp_path)
    entry = (tables.log(tmp_path, "HEAD", 1) or [])[0]
    assert entry._replace(line=entry.line._replace(how=b"")).text.endswith(b" +0100\n")


def test_a_stack_that_git_puts_together_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that was listed a moment ago is gone."""
    tabled.put(tmp_path)
    tries: list[BinaryIO] = []

    def look(file: BinaryIO) -> Table:
        tries.append(file)
        if len(tries) == 2:
            raise FileNotFoundError
        return Table(file)

    monkeypatch.setattr(tables, "Table", look)
    assert tables.target(tmp_path, "HEAD") == "refs/heads/feat/x" and len(tries) == 2 + len(tabled.TABLES)


def test_a_table_that_stays_away_is_an_error(tmp_path: Path) -> None:
    stack = tabled.put(tmp_path)
    next(stack.glob("*.ref")).unlink()
    with pytest.raises(OSError):
        tables.names(tmp_path)
    assert tables.are_in(tmp_path) and not tables.are_in(tmp_path / "nowhere")


@pytest.mark.parametrize("name", list(tabled.TABLES))
def test_what_is_torn_or_of_another_kind_is_an_error(tmp_path: Path, name: str) -> None:
    """Whatever is in it, it comes to an end."""
    file = tabled.put(tmp_path) / name
    data = file.read_bytes()
    for at in range(len(data)):
        file.write_bytes(data[:at])
        with pytest.raises(OSError):
            tables.log(tmp_path, "HEAD")
    for at in range(len(data)):
        file.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        for read in (lambda: tables.log(tmp_path, "HEAD"), lambda: tables.names(tmp_path)):
            try:
                read()
            except OSError as error:
                assert "tables" in str(error)
        if at < 5 or at >= len(data) - 68:
            with pytest.raises(OSError):
                tables.names(tmp_path)


def test_the_branches_in_whose_logs_a_line_stands(tmp_path: Path) -> None:
    """Of a commit on one and an amendment on another; of a checkout, none tells."""
    tabled.put(tmp_path)
    amended, left, made = (entry.line for entry in tables.log(tmp_path, "HEAD") or [])
    wanted = dict.fromkeys((amended, left, made))
    assert tables.branches_of(tmp_path, wanted) == {made: "main", amended: "feat/x"}
    assert tables.branches_of(tmp_path, {left: None}) == tables.branches_of(tmp_path, {}) == {}
    assert tables.branches_of(tmp_path, {made: "feat/x", amended: "feat/x"}) == {made: "main", amended: "feat/x"}


def test_a_line_of_a_branch_that_is_gone_or_renamed(repository: Repository) -> None:
    repository.commit("one")
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("two")
    (two,) = (entry.line for entry in tables.log(repository.git_dir, "HEAD", 1) or [])
    repository.git("branch", "-m", "feat")
    assert tables.branches_of(repository.git_dir, {two: None}) == {two: "side"}, "as it was called then"
    repository.git("checkout", "-q", "main")
    repository.git("branch", "-q", "-D", "feat")
    repository.git("pack-refs", "--all")
    assert tables.branches_of(repository.git_dir, {two: None}) == {}
