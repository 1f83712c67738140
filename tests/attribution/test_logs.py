"""Logs of HEAD, in files and in tables: those who ask do not see which."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import tabled
from tests.support.tabled import ONE, TWO
from tokenguard.attribution import logs, tables
from tokenguard.attribution.logs import Mark
from tokenguard.errors import TokenguardError

LINES = [
    f"{'0' * 40} {ONE} Ann <a@b> 1700000000 +0100\tcommit (initial): one\n".encode(),
    f"{ONE} {ONE} Ann <a@b> 1700000000 +0100\tcheckout: moving from main to feat/x\n".encode(),
    f"{ONE} {TWO} Ann <a@b> 1700000000 +0100\tcommit (amend): two\n".encode(),
]


@pytest.fixture(params=["files", "tables"])
def git_dir(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    if request.param == "tables":
        tabled.put(tmp_path)
    else:
        (tmp_path / "logs" / "refs" / "heads").mkdir(parents=True)
        (tmp_path / "logs" / "HEAD").write_bytes(b"".join(LINES))
        (tmp_path / "logs" / "refs" / "heads" / "main").write_bytes(LINES[0])
    return tmp_path


def test_all_of_it(git_dir: Path) -> None:
    assert logs.content(git_dir) == b"".join(LINES) and logs.is_kept(git_dir)
    assert logs.content(git_dir, "refs/heads/main") == LINES[0]
    assert logs.content(git_dir, "refs/heads/none") == logs.content(git_dir / "nowhere") == b""


def test_lines_with_their_changes_and_branches(git_dir: Path) -> None:
    """Only tables have numbers."""
    entries = logs.numbered(git_dir)
    in_tables = tables.are_in(git_dir)
    assert [entry.text for entry in entries] == (LINES if in_tables else [])
    found = logs.branches_of(git_dir, {entry.line: None for entry in entries})
    assert sorted(found.values()) == (["feat/x", "main"] if in_tables else [])


def test_what_is_new_since_a_mark(git_dir: Path) -> None:
    mark = logs.mark(git_dir)
    assert mark is not None and logs.since(git_dir, mark) == (b"".join(LINES), len(b"".join(LINES)))
    assert logs.since(git_dir, Mark()) == (b"".join(LINES), 0)
    later = Mark(mark.size + 1_000, mark.line)
    assert logs.since(git_dir, later) == logs.since(git_dir, mark), "whoever measured it saw it grow"
    assert logs.since(git_dir, Mark(mark.size, b"another line")) == (b"".join(LINES), 0)


def test_a_line_in_the_middle(git_dir: Path) -> None:
    if tables.are_in(git_dir):
        number = (tables.log(git_dir, "HEAD") or [])[1].number
        mark = Mark(number, f"{ONE} HEAD@{{1700000000 +0100}} checkout: moving from main to feat/x".encode())
    else:
        mark = Mark(len(b"".join(LINES[:2])), LINES[1].removesuffix(b"\n"))
    assert logs.since(git_dir, mark)[1] == len(b"".join(LINES[:2]))


def test_a_log_that_went_from_files_to_tables(git_dir: Path, tmp_path: Path) -> None:
    """`git refs migrate` does that: all of it is read again."""
    of_a_file = Mark(len(b"".join(LINES)), LINES[-1].removesuffix(b"\n"))
    in_tables = tables.are_in(git_dir)
    assert (logs.since(git_dir, of_a_file)[1] == 0) is in_tables
    of_tables = Mark(8, f"{TWO} HEAD@{{1700000000 +0100}} commit (amend): two".encode())
    assert (logs.since(git_dir, of_tables)[1] == 0) is not in_tables


def test_without_a_log_there_is_no_mark(tmp_path: Path) -> None:
    assert logs.mark(tmp_path) is None and not logs.is_kept(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "HEAD").touch()
    assert logs.mark(tmp_path) == Mark() and logs.is_kept(tmp_path)


def test_tables_that_cannot_be_read_are_not_taken_for_none(tmp_path: Path) -> None:
    (tabled.put(tmp_path) / "tables.list").write_text("gone\n")
    for ask in (lambda: logs.mark(tmp_path), lambda: logs.since(tmp_path, Mark())):
        with pytest.raises(TokenguardError, match="git reflog"):
            ask()
    assert not logs.is_kept(tmp_path) and logs.content(tmp_path) == b""
