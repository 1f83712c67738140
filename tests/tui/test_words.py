from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard_tui import words

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0 s"), (8, "8 s"), (59, "59 s"), (60, "1 m"), (3_600, "09:30"), (90_000, "Nov 20")]
)
def test_times_are_relative_while_they_are_fresh(seconds: int, text: str) -> None:
    assert words.ago(NOW, NOW - timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("seconds", "text"), [(-9, "0:00"), (271, "4:31"), (4_320, "1 h 12 m"), (90_000, "Nov 22")])
def test_times_to_come(seconds: int, text: str) -> None:
    assert words.until(NOW, NOW + timedelta(seconds=seconds)) == text


@given(st.floats(-1, 3), st.floats(-1, 3), st.integers(1, 60), st.booleans())
def test_a_bar_is_as_wide_as_it_should_be(share: float, held: float, width: int, plain: bool) -> None:
    bar = words.bar(share, width, held=held, plain=plain)
    assert len(bar) == width
    assert bar.isascii() is plain


def test_a_bar_is_exact_to_an_eighth() -> None:
    assert words.bar(0.82, 10) == "████████▏░"
    assert (words.bar(0, 3), words.bar(1, 3)) == ("░░░", "███")


def test_what_is_held_stands_after_what_is_spent() -> None:
    assert words.bar(0.5, 10, held=0.2) == "█████▒▒░░░"
    assert words.bar(0.82, 10, held=0.5) == "████████▏▒"
    assert words.bar(0.5, 10, held=0.2, plain=True) == "#####++..."


@given(st.lists(st.integers(0, 10**9), max_size=80), st.integers(1, 40))
def test_a_sparkline_fits_and_shows_what_there_was(values: list[int], width: int) -> None:
    line = words.spark(values, width)
    assert len(line) <= width
    assert (set(line) <= {"▁"}) is not any(values)


def test_names_are_cut_to_their_cells() -> None:
    assert (words.fit("web", 5), words.fit("website", 5)) == ("web  ", "webs…")
