from __future__ import annotations

import logging
import math
import os
from pathlib import Path

import pytest

from tokenguard.status_files.files import LEISURE_S, Files, Plan, Text, put


def texts(files: Files, wanted: dict[Path, Text], now_s: float = 0.0) -> Plan:
    plan = files.plan(wanted, now_s)
    files.carry_out(plan, now_s)
    return plan


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_private_and_there_is_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "status"
    put(file, "one\n")
    assert file.read_text() == "one\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["status"]


def test_whoever_reads_sees_the_former_text_or_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "status"
    put(file, "former")
    with file.open() as reader:
        put(file, "new")
        assert reader.read() == "former"
    assert file.read_text() == "new"


def test_bytes_of_names_that_are_no_text_stand_as_they_are(tmp_path: Path) -> None:
    put(tmp_path / "status", os.fsdecode(b"a\xffb"))
    assert (tmp_path / "status").read_bytes() == b"a\xffb"


def test_what_was_left_half_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".status.new").write_text("torn, and longer than what is to come")
    put(tmp_path / "status", "new")
    assert names(tmp_path) == ["status"]
    assert (tmp_path / "status").read_text() == "new"


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder" / "status"
    (tmp_path / "folder" / ".status.new").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError):
        put(file, "new")
    (tmp_path / "folder" / ".status.new").unlink()
    file.symlink_to(tmp_path / "mine")
    put(file, "new")
    assert (tmp_path / "mine").read_text() == "mine"
    assert not file.is_symlink()


def test_what_has_not_changed_is_not_written(tmp_path: Path) -> None:
    files, file = Files(), tmp_path / "status"
    texts(files, {file: Text("same")})
    before = file.stat().st_mtime_ns, file.stat().st_ino
    assert texts(files, {file: Text("same")}, 100) == Plan({}, (), math.inf)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_a_file_is_dated_to_when_it_ends(tmp_path: Path) -> None:
    files, file = Files(), tmp_path / "status"
    texts(files, {file: Text("until then", until_s=4_000_000_000)})
    assert file.stat().st_mtime == 4_000_000_000
    texts(files, {file: Text("for good")}, 1)
    assert file.stat().st_mtime < 4_000_000_000


def test_details_wait_and_what_matters_does_not(tmp_path: Path) -> None:
    files, file = Files(), tmp_path / "status"
    texts(files, {file: Text("1", "warn")}, 0)
    assert texts(files, {file: Text("2", "warn")}, 1).again_s == LEISURE_S
    assert file.read_text() == "1"
    texts(files, {file: Text("3", "block")}, 2)
    assert file.read_text() == "3"
    assert texts(files, {file: Text("4", "block")}, 3).again_s == 2 + LEISURE_S
    texts(files, {file: Text("5", "block")}, 2 + LEISURE_S)
    assert file.read_text() == "5"


def test_without_a_gist_everything_matters(tmp_path: Path) -> None:
    files, file = Files(), tmp_path / "status"
    texts(files, {file: Text("1")})
    texts(files, {file: Text("2")})
    assert file.read_text() == "2"


def test_what_is_not_wanted_any_more_goes(tmp_path: Path) -> None:
    files, kept, gone = Files(), tmp_path / "kept", tmp_path / "gone"
    texts(files, {kept: Text("a"), gone: Text("b")})
    assert texts(files, {kept: Text("a")}).remove == (gone,)
    assert names(tmp_path) == ["kept"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That it is there says that hooks are installed."""
    files, folder = Files(), tmp_path / "repository"
    texts(files, {folder / "status": Text("a")})
    assert not folder.exists()
    folder.mkdir()
    texts(files, {folder / "status": Text("a")})
    assert names(folder) == ["status"]
    assert caplog.text == ""


def test_a_folder_that_a_file_makes_goes_with_it_unless_there_is_more_in_it(tmp_path: Path) -> None:
    files, folder, other = Files(), tmp_path / "sessions" / "a", tmp_path / "sessions" / "b"
    texts(files, {place / "line": Text("a", makes_folder=True) for place in (folder, other)})
    assert folder.stat().st_mode & 0o777 == 0o700
    (other / "somebody's").touch()
    texts(files, {})
    assert names(tmp_path / "sessions") == ["b"]


def test_a_file_that_somebody_removed_is_written_again_once_that_is_noticed(tmp_path: Path) -> None:
    files, file = Files(), tmp_path / "status"
    texts(files, {file: Text("a")})
    file.unlink()
    texts(files, {file: Text("a")})
    assert not file.exists() and files.written == [file]
    files.forget([file])
    texts(files, {file: Text("a")})
    assert file.exists()


def test_what_cannot_be_written_is_said_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files, file = Files(), tmp_path / "status"
    file.mkdir()
    (file / "x").touch()
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            texts(files, {file: Text(str(number))})
    assert caplog.text.count("cannot be written") == 1
    (file / "x").unlink()
    file.rmdir()
    texts(files, {file: Text("9")})
    assert file.read_text() == "9"


def test_what_no_bytes_stand_for_is_no_reason_to_stop(tmp_path: Path) -> None:
    files, odd, file = Files(), tmp_path / "odd", tmp_path / "status"
    texts(files, {odd: Text("\ud800"), file: Text("a")})
    assert names(tmp_path)[-1] == "status" and not odd.exists()


def test_in_the_end_everything_is_gone_and_nothing_comes_after_it(tmp_path: Path) -> None:
    files, file = Files(), tmp_path / "status"
    texts(files, {file: Text("a")})
    late = files.plan({file: Text("b")}, 0)
    files.clear()
    files.carry_out(late, 0)
    assert names(tmp_path) == []
