"""Arithmetic by column: of thousands of rows it takes a fraction of the time that it takes row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import add
from typing import Any, TypeVar

from msgspec import json

from tokenguard.ledger.found import picked

Columns = Mapping[str, Sequence[Any]]
"""By name."""
Making = Mapping[str, Callable[[], Sequence[Any]]]
"""How each is made."""

_Shown = TypeVar("_Shown")

_WHOLE = 1.5 * 2**52
"""A number that was added to this one, and is what is left without it, is a whole number: rounded without a call."""
_MIDDLE = 0.4999999
"""Further from a whole number than that, a ratio can round to another one than `round(ratio, 6)`: it is asked then."""


class Lazy(Mapping[str, Sequence[Any]]):
    """Columns by name, each of which is made when it is asked for first."""

    def __init__(self, made: Making) -> None:
        self._made = made
        self._known: dict[str, Sequence[Any]] = {}

    def __getitem__(self, name: str) -> Sequence[Any]:
        if name not in self._known:
            self._known[name] = self._made[name]()
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def each(shown: Callable[[Any], _Shown], column: Sequence[Any]) -> list[_Shown]:
    """Every value of a column as it is shown: once for all that are the same."""
    known = {value: shown(value) for value in set(column)}
    return [known[value] for value in column]


def digits(column: Sequence[float | None]) -> list[str]:
    """Every number as JSON has it: written as one and taken apart, in a third of the time that one by one takes."""
    return json.encode(column).decode()[1:-1].split(",") if column else []


def plus(one: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    """The sums of two columns."""
    return list(map(add, one, other)) if any(other) else one


def minus(one: Sequence[int], other: Sequence[int]) -> Sequence[int]:
    """Their differences."""
    return [a - b for a, b in zip(one, other, strict=True)] if any(other) else one


def share(part: int, whole: int) -> float:
    """To six digits; 0 of nothing."""
    return round(part / whole, 6) if whole else 0.0


def shares(parts: Sequence[int], whole: int) -> list[float]:
    """`share` of each."""
    if not whole or not any(parts):
        return [0.0] * len(parts)
    return [
        n / 1e6
        if -_MIDDLE < (scaled := part / whole * 1e6) - (n := scaled + _WHOLE - _WHOLE) < _MIDDLE
        else share(part, whole)
        for part in parts
    ]


def rates(parts: Sequence[int], wholes: Sequence[int]) -> list[float | None]:
    """`share` of each in a whole of its own; None where that is nothing."""
    return [
        (
            n / 1e6
            if -_MIDDLE < (scaled := part / whole * 1e6) - (n := scaled + _WHOLE - _WHOLE) < _MIDDLE
            else share(part, whole)
        )
        if whole
        else None
        for part, whole in zip(parts, wholes, strict=True)
    ]


def at(columns: Columns, places: Sequence[int]) -> dict[str, Sequence[Any]]:
    """What stands at these places."""
    return dict(zip(columns, picked(columns.values(), places), strict=True))


def within(columns: Columns, span: slice) -> dict[str, Sequence[Any]]:
    """What stands within a span of places."""
    return {name: column[span] for name, column in columns.items()}
