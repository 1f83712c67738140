from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenguard_tui.columns import Column, laid_out

COLUMNS = (Column("NAME", bends=True), Column("N", right=True, rank=2), Column("COST", right=True))
WORDS = st.text("abc", max_size=20)


def test_numbers_stand_below_each_other() -> None:
    titles, lines = laid_out(COLUMNS, [("web", "1", "$0.10"), ("website", "12", "$20.00")], 40)
    assert [line.plain for line in (titles, *lines)] == [
        "NAME      N    COST",
        "web       1   $0.10",
        "website  12  $20.00",
    ]


def test_what_matters_least_goes_first_and_then_names_are_cut() -> None:
    _, lines = laid_out(COLUMNS, [("website", "12", "$20.00")], 15)
    assert lines[0].plain == "website  $20.00"
    _, lines = laid_out(COLUMNS, [("website", "12", "$20.00")], 13)
    assert lines[0].plain == "webs…  $20.00"


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=5), st.integers(1, 60))
def test_all_lines_are_of_one_length(rows: list[tuple[str, str, str]], width: int) -> None:
    titles, lines = laid_out(COLUMNS, rows, width)
    assert len({len(line.plain) for line in (titles, *lines)}) == 1
