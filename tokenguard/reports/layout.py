"""Columns that fit a width: what is least needed is left out, names are cut, numbers never."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from msgspec import Struct

Style = Callable[[str, str], str]
"""`style(text, name)`: the text in a style of the terminal."""

_LEAST_NAME = 4
_NAMES = 26
"""What the names of a row take at least before columns are left out."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEAST_BAR, _GOOD_BAR, _MOST_BAR = 4, 8, 12


class Cells(NamedTuple):
    """The cells of a column: many are the same, and each of those is put into words, measured and filled up once."""

    values: Sequence[Hashable]
    texts: Mapping[Any, str]
    """By value."""

    def changed(self, shown: Callable[[str], str]) -> Cells:
        """The cells with other texts."""
        return Cells(self.values, {value: shown(text) for value, text in self.texts.items()})


def told(shown: Callable[[Any], str], values: Sequence[Hashable]) -> Cells:
    """Cells that show these values."""
    return Cells(values, {value: shown(value) for value in set(values)})


def plain(texts: Sequence[str]) -> Cells:
    """Cells with these texts."""
    return told(str, texts)


NO_CELLS = plain(())


class Column(Struct):
    """A column of a table, with a cell for each row."""

    head: str
    cells: Cells = NO_CELLS
    right: bool = True
    spare: int = 0
    """Columns with the greatest number are left out first; those with 0 never."""
    name: bool = False
    """Whether its cells may be cut."""
    shares: Callable[[], Sequence[float]] | None = None
    """Of the whole: the cells are bars as long as these, in whatever room there is."""
    gap: int = 2
    """Spaces before it."""
    styles: list[str] | None = None
    late: Callable[[], Cells] | None = None
    """Makes the cells of a column that can be left out, once there is room for its head: many cells take their time."""
    width: int = 0
    """Of its cells, in a table that fits."""


def fit(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit, with names cut and bars drawn."""
    kept = [
        column for column in columns if any(column.cells.texts.values()) or column.shares is not None or column.head
    ]
    needed = {id(column): _widest(column) for column in kept}
    bars = [column for column in kept if column.shares is not None]
    # Names that are long are rather cut than have a column left out.
    most = _NAMES // max(1, sum(column.name for column in kept))
    least = {**needed, **{id(column): min(needed[id(column)], most) for column in kept if column.name}}
    while spare := max((column.spare for column in kept), default=0):
        # Long bars are worth more than a column that can be spared before them.
        size = _LEAST_BAR if any(column.spare == spare for column in bars) else _GOOD_BAR
        if _width(kept, least) + size * len(bars) <= width:
            # The one that stays longest first: it may take the room of another, of which no cells are needed then.
            late = min((column for column in kept if column.late), key=lambda column: column.spare, default=None)
            if late is None or late.late is None:
                break
            late.cells, late.late = late.late(), None
            needed[id(late)] = least[id(late)] = _widest(late)
            continue
        kept = [column for column in kept if column.spare != spare]
        bars = [column for column in kept if column.shares is not None]
    room = width - _width(kept, needed)
    if bars:
        size = max(_LEAST_BAR, min(_MOST_BAR, room // len(bars)))
        room -= size * len(bars)
        _draw(bars, size)
        needed.update({id(column): size for column in bars})
    _cut(kept, needed, -room)
    for column in kept:
        column.width = needed[id(column)]
    return kept


def lines(columns: Sequence[Column], style: Style, *, indent: str = " ") -> list[str]:
    """The head and the rows of columns that `fit`."""
    heads = "".join(_gap(column, at) + _padding(column)(column.head) for at, column in enumerate(columns))
    rows = map("".join, zip(*(_written(column, at, style, indent) for at, column in enumerate(columns)), strict=True))
    return [indent + style(heads.rstrip(), "dim"), *map(str.rstrip, rows)]


def bar(share: float, size: int) -> str:
    """A bar of so many cells, of which this share is full; to an eighth of a cell, and never none of what is not 0."""
    eighths = max(round(share * size * 8), 1 if share > 0 else 0)
    full, part = divmod(min(eighths, size * 8), 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(size)


def cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def shortened(text: str, size: int) -> str:
    """A text that takes so many cells at most: its end is kept too, where versions stand."""
    if cells(text) <= size:
        return text
    tail = text[len(text) - max(0, (size - 1) // 3) :]
    head = text[: max(1, size - 1 - len(tail))]
    while cells(head) + 1 + cells(tail) > size and (head or tail):
        head, tail = (head[:-1], tail) if len(head) >= len(tail) else (head, tail[1:])
    return f"{head}…{tail}"


def _width(columns: Sequence[Column], needed: dict[int, int]) -> int:
    gaps = sum(column.gap for column in columns[1:])
    return 1 + gaps + sum(needed[id(column)] for column in columns if column.shares is None)


def _draw(bars: Sequence[Column], size: int) -> None:
    """The cells of columns that are bars, all by the longest of them."""
    shares = [column.shares() for column in bars if column.shares is not None]
    longest = max((share for column in shares for share in column), default=0.0)
    for column, parts in zip(bars, shares, strict=True):
        column.cells = told(lambda share: bar(share / longest if longest else 0, size), parts)


def _cut(columns: Sequence[Column], needed: dict[int, int], excess: int) -> None:
    """Take what is too much from the names, the longest first."""
    names = [column for column in columns if column.name]
    while excess > 0 and names:
        longest = max(names, key=lambda column: needed[id(column)])
        if needed[id(longest)] <= _LEAST_NAME:
            return
        needed[id(longest)] -= 1
        excess -= 1
        longest.cells = longest.cells.changed(partial(shortened, size=needed[id(longest)]))
        longest.head = longest.head[: needed[id(longest)]]


def _widest(column: Column) -> int:
    """How wide its widest text is."""
    texts = column.cells.texts.values()
    return max(cells(column.head), max(map(len if _is_plain(texts) else cells, texts), default=0))


def _is_plain(texts: Iterable[str]) -> bool:
    """Whether every character takes one cell, as in nearly all texts: of thousands, none has to be looked at then."""
    return all(map(str.isascii, texts))


def _written(column: Column, at: int, style: Style, indent: str) -> Iterable[str]:
    """The cells as they are written, with what stands before them."""
    before, padded = _gap(column, at) if at else indent, _padding(column)
    if not column.styles:
        texts = column.cells.changed(lambda text: before + padded(text)).texts
        return [texts[value] for value in column.cells.values]
    filled = column.cells.changed(padded).texts
    named = zip(column.cells.values, column.styles, strict=True)
    return [
        before + (style(filled[value], name) if name and filled[value].strip() else filled[value])
        for value, name in named
    ]


def _padding(column: Column) -> Callable[[str], str]:
    """What fills its texts up to its width."""
    pad, width = (str.rjust if column.right else str.ljust), column.width
    if _is_plain((column.head, *column.cells.texts.values())):
        return lambda text: pad(text, width)
    return lambda text: pad(text, width - cells(text) + len(text))


def _gap(column: Column, at: int) -> str:
    return " " * column.gap if at else ""
