"""Lines that hold a marker are found, whatever stands around them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.agents.logs.shape import DROPPED, Lines, Sighting
from tokenguard.importing import lines

MARKERS = (b"aba", b"bb")


class Followed:
    """A follower that keeps what it is given, and shows nothing."""

    label = ""

    def __init__(self) -> None:
        self.taken: list[tuple[int, bytes]] = []

    def take(self, line: bytes, offset: int) -> list[Sighting]:
        self.taken.append((offset, line))
        return []

    def save(self) -> bytes:
        return b""


def never(kind: str, detail: str) -> None:
    raise AssertionError((kind, detail))


def read(file: Path, markers: tuple[bytes, ...], start: int = 0) -> tuple[list[tuple[int, bytes]], int]:
    """The lines that were taken, with their places, and how far it came."""
    followed = Followed()
    source = Lines(file.parent, ("*",), markers, lambda file, state, odd: followed)
    *_, (_, point, _) = lines.follow(str(file), source, start, followed, never)
    assert point is not None
    return followed.taken, point.done


def by_hand(content: bytes, markers: tuple[bytes, ...], start: int = 0) -> tuple[list[tuple[int, bytes]], int]:
    """The same, line by line; of the last one only if it is complete but for its end."""
    found: list[tuple[int, bytes]] = []
    at = done = start
    for line in content[start:].splitlines(keepends=True):
        text = line.removesuffix(b"\n")
        if line != text:
            done += len(line)
        if (line != text or (text[:1] == b"{" and text.endswith(b"}"))) and any(marker in text for marker in markers):
            found.append((at, text))
        at += len(line)
    return found, done


TEXTS = st.lists(st.sampled_from([b"a", b"b", b"ab", b"x", b"\n", b"{", b"}\n", b"aba", b"bb\n"]), max_size=40)


@given(
    TEXTS.map(b"".join), st.sampled_from([MARKERS, MARKERS[:1], MARKERS[1:]]), st.sampled_from([1, 2, 3, 7, 1 << 18])
)
def test_each_line_with_a_marker_is_taken_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, markers: tuple[bytes, ...], chunk: int
) -> None:
    file = tmp_path_factory.mktemp("lines") / "file.jsonl"
    file.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "CHUNK", chunk)
        assert read(file, markers) == by_hand(content, markers)


def test_reading_goes_on_where_it_ended(tmp_path: Path) -> None:
    file = tmp_path / "file.jsonl"
    file.write_bytes(b"aba 1\nno\nbb 2\nbb 3")
    taken, done = read(file, MARKERS)
    assert taken == [(0, b"aba 1"), (9, b"bb 2")] and done == 14
    with file.open("ab") as more:
        more.write(b" is longer\n\naba 4\n")
    assert read(file, MARKERS, done)[0] == [(14, b"bb 3 is longer"), (30, b"aba 4")]


@pytest.mark.parametrize("before", [b"\0\0\0", b"\xef\xbb\xbf", b" \t"])
def test_what_is_no_part_of_a_line_is_taken_off(tmp_path: Path, before: bytes) -> None:
    file = tmp_path / "file.jsonl"
    file.write_bytes(before + b"{aba}\n")
    assert read(file, MARKERS)[0] == [(0, b"{aba}")]


def test_a_line_that_is_too_long_is_noted_and_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CHUNK", 16)
    monkeypatch.setattr(lines, "LONGEST", 64)
    file = tmp_path / "file.jsonl"
    file.write_bytes(b"aba 1\n" + b"aba" * 50 + b"\naba 2\n")
    followed, noted = Followed(), list[tuple[str, str]]()
    source = Lines(tmp_path, ("*",), MARKERS, lambda file, state, odd: followed)

    def note(kind: str, detail: str) -> None:
        noted.append((kind, detail))

    for _ in lines.follow(str(file), source, 0, followed, note):
        pass
    assert followed.taken == [(0, b"aba 1"), (157, b"aba 2")]
    assert noted == [(DROPPED, "too-long")]
