"""Numbers as the cells of a table: of thousands, each that is told alike is put into words once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tokenguard.policy.money import NANOS, tokens, usd
from tokenguard.reports.columns import share
from tokenguard.reports.layout import Cells, told

_CENT, _MILL = NANOS // 100, NANOS // 1000
_HALF_A_CENT, _HALF_A_MILL = _CENT // 2, _MILL // 2
_HALF_A_HUNDREDTH = 0.005
_NOTHING = (0, (0, False), (0, True))
"""What `dollar_cells` have as values of no dollars."""


def percents(parts: Sequence[int], total: int, shares: Callable[[], Iterable[float]]) -> list[str]:
    """The shares of the parts in the total, as `percent` tells them.

    Where there are thousands, none comes to a hundredth: it is enough then to know the least that is not nothing.
    """
    if total <= 0 or min(parts) < 0 or share(max(parts), total) >= _HALF_A_HUNDREDTH:
        return list(map(percent, shares()))
    least = max(1, total // 2_000_000 - 1)
    while not share(least, total):
        least += 1
    little, nothing = percent(share(least, total)), percent(0.0)
    return [little if part >= least else nothing for part in parts]


def percent(share: float | None) -> str:
    """A share; nothing for a total, whose share is no news."""
    if share is None:
        return ""
    return "<1%" if 0 < share < _HALF_A_HUNDREDTH else f"{share:.0%}"


def counted(number: int) -> str:
    """As calls are counted."""
    return f"{number:,}"


def token_cells(numbers: Sequence[int]) -> Cells:
    """Numbers of tokens."""
    # Thousands of numbers come to the same few with two or three digits. These change at multiples of half their last
    # place only, so that all numbers between two of these multiples are told like the first one.
    stepped = [
        number - rest + 1
        if number >= 1_000
        and (
            rest := number
            % (50 if number < 100_000 else 500 if number < 1_000_000 else 50_000 if number < 100_000_000 else 500_000)
        )
        else number
        for number in numbers
    ]
    return told(tokens, stepped)


def dollar_cells(nanos: Sequence[int], about: Sequence[bool] = ()) -> Cells:
    """Nanodollars, and of each whether it is told as about that much; exact without."""
    # Thousands of amounts come to the same few cents, or tenths of one below a dollar.
    rounded = [
        (one + _HALF_A_CENT) // _CENT * _CENT
        if one >= NANOS
        else (one + _HALF_A_MILL) // _MILL * _MILL
        if _MILL < one < NANOS - _MILL
        else one
        for one in nanos
    ]
    if not any(about):
        return told(usd, rounded)
    return told(lambda one: usd(one[0], about=one[1]), list(zip(rounded, about, strict=True)))


def some_dollars(nanos: Sequence[int], about: Sequence[bool] = ()) -> Cells:
    """The same, but nothing where there is nothing."""
    cells = dollar_cells(nanos, about)
    return Cells(cells.values, {**cells.texts, **{value: "" for value in _NOTHING if value in cells.texts}})
