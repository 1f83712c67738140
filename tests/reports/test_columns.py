from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tokenguard.reports.columns import Columns, at, digits, each, minus, plus, rates, share, shares, within

NUMBERS = st.lists(st.integers(-(2**60), 2**60), min_size=1)
PARTS = st.lists(st.tuples(st.integers(0, 10**13), st.integers(1, 10**13)), min_size=1)


def test_what_is_the_same_is_shown_once() -> None:
    asked: list[int] = []

    def shown(value: int) -> str:
        asked.append(value)
        return f"<{value}>"

    assert each(shown, [2, 1, 2, 2]) == ["<2>", "<1>", "<2>", "<2>"]
    assert sorted(asked) == [1, 2]


@given(NUMBERS)
def test_digits_are_those_of_every_number(numbers: list[int]) -> None:
    assert digits(numbers) == [str(number) for number in numbers]
    assert digits([]) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1))))
def test_columns_are_added_and_taken_away_place_by_place(pairs: list[tuple[int, int]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    assert list(plus(one, other)) == [a + b for a, b in pairs]
    assert list(minus(one, other)) == [a - b for a, b in pairs]


@given(PARTS)
@example([(1, 127), (5, 10**7 - 5), (15, 10**7 - 15), (2_500_001, 4_999_997_499_999), (0, 1)])
def test_shares_and_rates_are_rounded_as_python_rounds(found: list[tuple[int, int]]) -> None:
    parts = [part for part, _ in found]
    wholes = [part + rest for part, rest in found]
    assert rates(parts, wholes) == [round(part / whole, 6) for part, whole in zip(parts, wholes, strict=True)]
    for whole in (sum(wholes), max(wholes)):
        assert shares(parts, whole) == [round(part / whole, 6) for part in parts]
    for part, whole in zip(parts, wholes, strict=True):
        assert shares([part], whole) == [round(part / whole, 6)]


def test_of_nothing_there_is_no_share() -> None:
    assert shares([0, 0], 0) == [0.0, 0.0] == [share(1, 0), share(0, 5)]
    assert rates([0, 1], [0, 2]) == [None, 0.5]


def test_columns_at_places_and_within_a_span() -> None:
    columns: Columns = {"model": ["a", "b", "c"], "calls": [1, 2, 3]}
    assert at(columns, [2, 0]) == {"model": ("c", "a"), "calls": (3, 1)}
    assert within(columns, slice(1, 3)) == {"model": ["b", "c"], "calls": [2, 3]}
