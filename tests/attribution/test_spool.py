from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.attribution import spool
from tokenguard.attribution.spool import Begun, Line, Logged, Made, Overridden, Pushed, Rewritten, Squashing

A, B = "a" * 40, "b" * 64


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"1 commit . feat/login {A}", Made(".", "feat/login", A)),
        (f"1 commit web-2 - {B}", Made("web-2", None, B)),
        (f"1 rewrite amend {A} {B}", Rewritten("amend", A, B)),
        (f"1 rewrite rebase {A} {A}", Rewritten("rebase", A, A)),
        (f"1 squash . {A} {B}", Squashing(".", (A, B))),
        ("1 push . main", Pushed(".", "main")),
        ("1 logged . 00000000002a", Logged(".", 42)),
        ("1 push . ?", Pushed(".", None)),
        ("1 begin linked -", Begun("linked", None)),
        ("1 override . - push the  demo is now", Overridden(".", None, "push", "the  demo is now")),
        ("1 override . main commit ", Overridden(".", "main", "commit", "")),
    ],
)
def test_lines_mean_what_happened(text: str, line: Line) -> None:
    assert spool.parse(f"{text}\n".encode(), 5) == spool.Noted((line,), 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2 commit . main " + A,
        f"1 commit . main {A[1:]}",
        f"1 commit . main {A} more",
        f"1 commit .. main {A}",
        f"1 commit ../../etc main {A}",
        f"1 commit a/b main {A}",
        f"1 commit  main {A}",
        f"1 commit . main {A.upper()}",
        f"1 rewrite merge {A} {A}",
        "1 logged . 0x2a",
        f"1 logged . {'f' * 17}",
        "1 logged ../etc 2a",
        "1 squash .",
        f"1 squash . {A} --all",
        "1 override . main fetch why",
        "\x00\xff",
    ],
)
def test_what_means_nothing_is_counted(text: str) -> None:
    found = spool.parse(f"{text}\n1 push . main\n".encode("latin-1"), 5)
    assert (found.lines, found.unknown) == ((Pushed(".", "main"),), 1)


def test_a_squash_of_many_goes_on_in_the_next_line() -> None:
    names = [f"{number:040x}" for number in range(60)]
    lines = [" ".join(["1 squash .", *names[:49]]), " ".join(["1 squash .", *names[49:]]), f"1 squash . {A}"]
    found = spool.parse("".join(f"{line}\n" for line in lines).encode(), 5)
    assert found.lines == (Squashing(".", tuple(names)), Squashing(".", (A,)))
    elsewhere = spool.parse(f"{lines[0]}\n1 squash tree {A}\n".encode(), 5)
    assert elsewhere.lines == (Squashing(".", tuple(names[:49])), Squashing("tree", (A,)))


def test_a_line_without_its_end_is_not_there_yet() -> None:
    found = spool.parse(f"1 push . main\n1 commit . main {A}".encode(), 5)
    assert (found.lines, found.unknown) == ((Pushed(".", "main"),), 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    return tmp_path / "spool.taken"


def test_nothing_is_taken_where_there_is_nothing(file: Path, aside: Path) -> None:
    assert spool.take(file, aside)() is None


def test_what_is_written_meanwhile_is_not_lost(file: Path, aside: Path) -> None:
    file.write_text("1 push . one\n")
    with open(file, "a") as late:
        more = spool.take(file, aside)
        first = more()
        assert first is not None
        assert first.written_us == aside.stat().st_mtime_ns // 1000
        file.write_text("1 push . next\n")
        late.write("1 push . two\n")
    again = more()
    assert again is not None
    assert again.lines == (Pushed(".", "one"), Pushed(".", "two"))
    assert more() is None
    assert not aside.exists()
    following = spool.take(file, aside)()
    assert following is not None
    assert following.lines == (Pushed(".", "next"),)


def test_what_was_left_aside_comes_first(file: Path, aside: Path) -> None:
    aside.write_text("1 push . one\n")
    file.write_text("1 push . two\n")
    for branch in ("one", "two"):
        more = spool.take(file, aside)
        found = more()
        assert found is not None
        assert found.lines == (Pushed(".", branch),)
        assert more() is None
    assert spool.take(file, aside)() is None
