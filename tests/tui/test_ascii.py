from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from textual.color import Color

from tokenguard_tui.ascii import Ascii, text

BLACK = Color(0, 0, 0)


def test_what_screens_draw_has_a_sign_that_says_the_same() -> None:
    assert text("● web/day  ████▏▒░  82%  ✗  ≈$3.44…  └ sub ▁▅█") == "* web/day  ####.+.  82%  x  ~$3.44.  ` sub _~#"


@given(st.text(max_size=30))
def test_everything_stays_where_it_is(drawn: str) -> None:
    (segment,) = Ascii().apply([Segment(drawn)], BLACK)
    assert segment.text.isascii()
    assert len(segment.text) == len(drawn)
