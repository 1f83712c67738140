from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.color import Color

from tokenguard_tui.palette import AT_MOST, LIKELY, OTHERS, SERIES, Kind, kind_of, opaque
from tokenguard_tui.stacks import Part, ceiling, columns

FIRST, SECOND, THIRD = SERIES[:3]


def style(kind: Kind) -> str:
    return kind.style


def drawn(*stacks: list[Part], top: int, height: int = 4, pitch: int = 1, signs: bool = False) -> list[str]:
    return [line.plain for line in columns(stacks, top, height, pitch, style, signs=signs)]


def test_a_column_is_exact_to_an_eighth() -> None:
    stacks = [[Part(value, FIRST)] for value in (0, 1, 8, 12, 32)]
    assert drawn(*stacks, top=32) == ["    █", "    █", "   ▄█", " ▁███"]


def test_what_is_there_is_seen_however_small() -> None:
    assert drawn([Part(1, FIRST)], top=10**12, height=2) == [" ", "▁"]


def test_parts_meet_within_a_cell() -> None:
    (line,) = columns([[Part(4, FIRST), Part(4, SECOND)]], 8, 1, 1, style)
    assert line.plain == "▄"
    assert [str(span.style) for span in line.spans] == [f"{FIRST.style} on {SECOND.style}"]
    # Of three only two can be drawn, and of two that leave the cell unfilled only one: there the larger one.
    (line,) = columns([[Part(2, FIRST), Part(4, SECOND), Part(2, THIRD)]], 8, 1, 1, style)
    assert [str(span.style) for span in line.spans] == [f"{FIRST.style} on {THIRD.style}"]
    (line,) = columns([[Part(2, FIRST), Part(4, SECOND)]], 8, 1, 1, style)
    assert (line.plain, [str(span.style) for span in line.spans]) == ("▆", [SECOND.style])


def test_parts_have_signs_where_there_is_only_ascii() -> None:
    assert drawn([Part(16, FIRST), Part(16, SECOND)], top=32, signs=True) == ["=", "=", "#", "#"]


@pytest.mark.parametrize(("pitch", "line"), [(1, "██"), (2, "█ █ "), (6, "████  ████  ")])
def test_there_is_a_gap_where_there_is_room(pitch: int, line: str) -> None:
    assert drawn([Part(8, FIRST)], [Part(8, FIRST)], top=8, height=1, pitch=pitch) == [line]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 10**15), st.sampled_from([*SERIES, OTHERS])), max_size=6), max_size=9),
    st.integers(1, 12),
    st.integers(1, 8),
    st.booleans(),
)
def test_all_lines_are_as_wide_as_they_should_be(
    made: list[list[tuple[int, Kind]]], height: int, pitch: int, signs: bool
) -> None:
    stacks = [[Part(*part) for part in stack] for stack in made]
    top = ceiling(max((sum(part.value for part in stack) for stack in stacks), default=0))
    lines = columns(stacks, top, height, pitch, style, signs=signs)
    assert {len(line.plain) for line in lines} == {pitch * len(stacks)} and len(lines) == height
    if not signs:
        for at, stack in enumerate(stacks):
            assert any(line.plain[at * pitch] != " " for line in lines) is any(part.value for part in stack)


@given(st.integers(1, 10**18))
def test_a_ceiling_is_near(value: int) -> None:
    assert value <= ceiling(value) <= value * 2
    assert len(str(ceiling(value)).rstrip("0")) <= 2


def test_a_part_beyond_the_largest_is_one_of_the_others() -> None:
    assert [kind_of(place) for place in (0, 5, 9)] == [FIRST, OTHERS, OTHERS]
    signs = [kind.sign for kind in (*SERIES, OTHERS, LIKELY, AT_MOST)]
    assert len(set(signs)) == len(signs)


def test_colours_are_opaque_where_they_meet() -> None:
    assert opaque(Kind("#ffffff 50%", "#"), Color(0, 0, 0)) == "#7F7F7F"
