"""When what the hooks say ends, with a real git and in every shell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hooks.world import World

HOUR_S = 3600
SAID = "tokenguard: here. Committing goes on.\n"


@pytest.fixture
def tree(shells: World) -> Path:
    """A repository with hooks, and a clock that notes in `asked` whenever it is asked."""
    tree = shells.repository()
    shells.put_hooks(tree / ".git" / "hooks")
    clocks = shells.root / "clocks"
    clocks.mkdir()
    shells.put_script(clocks / "date", f'#!/bin/sh\necho asked >>{shells.root}/asked\nexec /bin/date "$@"\n')
    shells.path = f"{clocks}{os.pathsep}{shells.path}"
    return tree


def says(shells: World, tree: Path, *, ends_in_s: int, dated_in_s: int) -> str:
    """What a commit hears if the daemon's word ends then, and its file is dated so."""
    now_s = int(time.time())
    shells.say(tree / ".git", f"* * {now_s + ends_in_s} warn ok here")
    dated_s = now_s + dated_in_s
    os.utime(shells.folder(tree / ".git") / "tokenguard-status", (dated_s, dated_s))
    return shells.commit(tree, "second").stderr


def test_until_the_date_of_the_file_no_clock_is_asked(shells: World, tree: Path) -> None:
    assert says(shells, tree, ends_in_s=HOUR_S, dated_in_s=HOUR_S) == SAID
    assert not (shells.root / "asked").exists()


@pytest.mark.parametrize(("ends_in_s", "heard"), [(HOUR_S, SAID), (0, ""), (-HOUR_S, "")])
def test_after_it_a_clock_tells(shells: World, tree: Path, ends_in_s: int, heard: str) -> None:
    """As where the file was written by an earlier version, or restored from somewhere."""
    assert says(shells, tree, ends_in_s=ends_in_s, dated_in_s=-HOUR_S) == heard
    assert (shells.root / "asked").exists()


def test_what_was_written_before_does_not_matter(shells: World, tree: Path) -> None:
    """As where the clock was wrong meanwhile."""
    beside = shells.paths.state_dir / "hooks" / "now"
    for year_s in (0, 4_000_000_000):
        beside.write_text("torn")
        os.utime(beside, (year_s, year_s))
        assert says(shells, tree, ends_in_s=-HOUR_S, dated_in_s=-HOUR_S) == ""
        assert says(shells, tree, ends_in_s=HOUR_S, dated_in_s=HOUR_S) == SAID


def _folder(file: Path) -> None:
    file.mkdir()


def _full(file: Path) -> None:
    file.symlink_to("/dev/full")


@pytest.mark.parametrize("spoil", [_folder, _full])
def test_where_nothing_can_be_written_a_clock_tells(shells: World, tree: Path, spoil: Callable[[Path], None]) -> None:
    spoil(shells.paths.state_dir / "hooks" / "now")
    assert says(shells, tree, ends_in_s=HOUR_S, dated_in_s=HOUR_S) == SAID
    assert (shells.root / "asked").exists()
    assert says(shells, tree, ends_in_s=-HOUR_S, dated_in_s=-HOUR_S) == ""


def test_what_has_no_end_needs_no_time(shells: World, tree: Path) -> None:
    shells.say(tree / ".git", "* * 0 warn ok here")
    assert shells.commit(tree, "second").stderr == SAID
    assert not (shells.root / "asked").exists() and not (shells.paths.state_dir / "hooks" / "now").exists()


def test_files_that_may_not_be_overwritten_are(shells: World, tree: Path) -> None:
    shells.more = {"SHELLOPTS": "noclobber"}
    for _ in range(2):
        assert says(shells, tree, ends_in_s=HOUR_S, dated_in_s=HOUR_S) == SAID
    assert not (shells.root / "asked").exists()
