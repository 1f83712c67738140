"""How far logs were read, in a file; and lines where hooks leave theirs."""

from __future__ import annotations

from pathlib import Path

from tests.hooks.world import World
from tokenguard.attribution.missed import Mark
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
