from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tokenguard.policy.money import tokens, usd
from tokenguard.reports.columns import shares
from tokenguard.reports.figures import dollar_cells, percent, percents, some_dollars, token_cells
from tokenguard.reports.layout import Cells

AMOUNTS = st.lists(st.integers(0, 2_000_000) | st.integers(0, 10**10) | st.integers(-(10**9), 10**14))


def texts(cells: Cells) -> list[str]:
    """Row by row."""
    return [cells.texts[value] for value in cells.values]


@given(st.lists(st.integers(0, 10**7) | st.integers(0, 10**12)))
@example([999, 746, 741, 2_349, 2_350, 2_351, 2_359, 99_949, 99_950, 999_499, 999_500, 2_250_000, 2_250_001])
def test_tokens_are_told_as_one_by_one(numbers: list[int]) -> None:
    assert texts(token_cells(numbers)) == [tokens(number) for number in numbers]


@given(AMOUNTS)
@example([0, 1, 999_999, 1_000_000, 1_500_000, 998_999_999, 999_499_999, 999_500_000, 1_004_999_999, 1_005_000_000])
def test_dollars_are_told_as_one_by_one(nanos: list[int]) -> None:
    about = [one % 3 == 0 for one in nanos]
    assert texts(dollar_cells(nanos)) == [usd(one) for one in nanos]
    assert texts(dollar_cells(nanos, about)) == [usd(one, about=rough) for one, rough in zip(nanos, about, strict=True)]
    assert texts(some_dollars(nanos)) == [usd(one) if one else "" for one in nanos]
    told = [usd(one, about=rough) if one else "" for one, rough in zip(nanos, about, strict=True)]
    assert texts(some_dollars(nanos, about)) == told


@given(st.lists(st.integers(0, 10**6), min_size=1), st.integers(0, 10**10))
@example([1, 2, 3, 4], 2_000_000 - 10)
@example([1, 2, 3, 4], 400)
@example([0, 0], 0)
@example([0, 0], 1)
@example([-1, 3], 10**9)
@example([-(10**8), 3], 10**9)
def test_shares_are_told_as_they_are_rounded(parts: list[int], rest: int) -> None:
    total = sum(parts) + rest
    assert percents(parts, total, lambda: shares(parts, total)) == list(map(percent, shares(parts, total)))
