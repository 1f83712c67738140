"""The private folder: readable by its owner only, and gone when nobody needs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tokenguard.agents import Recipe
from tokenguard.errors import ConfigError
from tokenguard.launch.folder import fill, mark, private_folder


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_is_private_and_goes(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        fill(folder, Recipe((), files={"a.json": "{}", "deep/b": "ü"}))
        assert [mode(path) for path in (folder.parent, folder, folder / "deep")] == [0o700] * 3
        assert [mode(folder / name) for name in ("a.json", "deep/b")] == [0o600] * 2
        assert (folder / "deep/b").read_text(encoding="utf-8") == "ü"
    assert list(tmp_path.joinpath("runs").iterdir()) == []


def test_links_lead_to_the_users_files_which_stay(tmp_path: Path) -> None:
    own = tmp_path / "own"
    with private_folder(tmp_path) as folder:
        fill(folder, Recipe((), folders=(own / "history",), links={"x/history": own / "history", "x/new": own / "new"}))
        (folder / "x/history/chat").write_text("kept")
        (folder / "x/new").write_text("kept")
    assert (own / "history/chat").read_text() == (own / "new").read_text() == "kept"


def test_what_dead_runs_left_is_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with private_folder(tmp_path) as folder:
        left, alive, new, old = (folder.parent / name for name in ("left", "alive", "new", "old"))
        for other in (left, alive, new, old):
            other.mkdir()
        mark(left, gone.pid)
        mark(alive, os.getpid())
        os.utime(old, (1, 1))
        with private_folder(tmp_path) as second:
            assert set(folder.parent.iterdir()) == {folder, alive, new, second}


def test_two_runs_do_not_meet(tmp_path: Path) -> None:
    with private_folder(tmp_path) as one, private_folder(tmp_path) as two:
        assert one != two
        assert one.exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be used"), private_folder(tmp_path):
        pass


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        (folder / "x").write_text("in the way")
        with pytest.raises(ConfigError, match="x.*cannot be written"):
            fill(folder, Recipe((), files={"x": "text"}))
