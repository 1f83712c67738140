"""How far logs were read, in a file; and lines where hooks leave theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hooks.world import World
from tests.support import tabled
from tokenguard.attribution.logs import Mark
from tokenguard_hooks import marking


def test_what_was_put_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mark"
    assert marking.read(file) is None
    since = {".": Mark(9, b"line"), "a b\udcff": Mark()}
    marking.put(file, tmp_path / "new", b"/state", since)
    assert marking.read(file) == since and not (tmp_path / "new").exists()
    assert file.read_bytes().startswith(b"1\0/state\0.\0009\0line\0")


def test_what_is_torn_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "mark").write_bytes(b"1\0\0.\0009\0line\0x\0many\0line\0y")
    assert marking.read(tmp_path / "mark") == {".": Mark(9, b"line")}
    (tmp_path / "mark").write_bytes(b"")
    assert marking.read(tmp_path / "mark") == {}


def test_lines_are_left_once(world: World) -> None:
    common_dir = world.root / "web" / ".git"
    marking.note(common_dir, world.paths, ["1 push . main"])
    marking.note(common_dir, world.paths, ["1 push . main", "1 push . \udcff"])
    marking.note(common_dir, world.paths, [])
    assert world.spool(common_dir) == ["1 push . main", "1 push . \udcff"]


def test_git_is_asked_only_of_tables(user: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One before 2.45 knows nothing of such a repository."""
    old = user.root / "old"
    old.mkdir()
    user.put_script(old / "git", "#!/bin/sh\necho 'fatal: unknown repository extension found' >&2\nexit 128\n")
    in_files, in_tables = user.repository() / ".git", user.root / "tables" / ".git"
    tabled.put(in_tables)
    monkeypatch.setenv("PATH", f"{old}{os.pathsep}{user.path}")
    assert marking.is_understood(in_files) and marking.has_log(in_files) and marking.keeps_log(in_files)
    for keeps in (marking.is_understood, marking.has_log, marking.keeps_log):
        assert not keeps(in_tables)
