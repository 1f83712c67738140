"""Which files have to be read, from where on, and which of those that are known need not be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from tokenguard.importing.surveying import Known, Plan, Survey, survey
from tokenguard.ledger.values import LogFile


def _knowing(*files: LogFile) -> Known:
    by_path = {file.path: file for file in files}
    trees: Mapping[str, str] = {}
    return Known(by_path.get, lambda _agent, _label: b"", lambda: trees)


def _read(path: Path, done: int) -> LogFile:
    """What is known of a file of which so many bytes were read."""
    stat = path.stat()
    return LogFile(str(path), "claude", stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, done, b"", b"", "")


def _surveyed(home: Path, *files: LogFile, **more: object) -> Survey:
    return survey(replace(Plan({}, str(home), agents=("claude",)), **more), _knowing(*files))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / ".claude" / "projects" / "-web" / "s1.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"{}\n" * 10)
    return file


def test_a_new_file_is_read_from_its_beginning(tmp_path: Path, log: Path) -> None:
    found = _surveyed(tmp_path)
    (visit,) = found.visits
    assert (visit.agent, visit.found.path, visit.known, found.size) == ("claude", str(log), None, 30)


def test_one_that_has_not_changed_is_not_read_unless_everything_is(tmp_path: Path, log: Path) -> None:
    known = _read(log, 30)
    found = _surveyed(tmp_path, known)
    assert (found.visits, found.unchanged, found.size) == ((), 1, 0)
    anew = _surveyed(tmp_path, known, full=True)
    assert (len(anew.visits), anew.unchanged, anew.size) == (1, 0, 30)


def test_of_one_that_has_grown_only_the_rest_is_read(tmp_path: Path, log: Path) -> None:
    known = _read(log, 30)
    with log.open("ab") as file:
        file.write(b"{}\n")
    found = _surveyed(tmp_path, known)
    assert (found.visits[0].known, found.unchanged, found.size) == (known, 0, 3)


def test_one_that_has_shrunk_is_read_as_a_whole(tmp_path: Path, log: Path) -> None:
    known = _read(log, 30)
    os.truncate(log, 9)
    assert _surveyed(tmp_path, known).size == 9


def test_one_that_was_replaced_by_another_of_its_size_and_time_is_read(tmp_path: Path, log: Path) -> None:
    known = _read(log, 30)
    other = log.with_suffix(".new")
    other.write_bytes(b"[]\n" * 10)
    os.utime(other, ns=(known.modified_ns, known.modified_ns))
    other.replace(log)
    assert len(_surveyed(tmp_path, known).visits) == 1


def test_what_is_asked_for_only_below_a_folder_tells_nothing_of_others(tmp_path: Path, log: Path) -> None:
    other = log.parent.with_name("-api") / "s2.jsonl"
    other.parent.mkdir()
    other.write_bytes(b"{}\n")
    found = _surveyed(tmp_path, below=(str(other.parent),))
    assert ([visit.found.path for visit in found.visits], found.agents) == ([str(other)], ())
    assert _surveyed(tmp_path).agents == ("claude",)


def test_agents_that_are_not_asked_for_are_not_looked_for(tmp_path: Path, log: Path) -> None:
    found = _surveyed(tmp_path, agents=("codex",))
    assert (found.visits, found.agents) == ((), ("codex",))
    assert "claude" in _surveyed(tmp_path, agents=None).agents


def test_names_that_are_no_text_are_odd(tmp_path: Path, log: Path) -> None:
    (log.parent / os.fsdecode(b"\xff.jsonl")).write_bytes(b"{}\n")
    found = _surveyed(tmp_path)
    assert len(found.visits) == 1
    assert [(odd.agent, odd.detail, odd.count) for odd in found.oddities] == [("claude", "name", 1)]
