"""Columns that fit a width: what is least needed is left out, names are cut, numbers never."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from msgspec import Struct

Style = Callable[[str, str], str]
"""`style(text, name)`: the text in a style of the terminal."""

_LEAST_NAME = 4
_NAMES = 26
"""What the names of a row take at least before columns are left out."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEAST_BAR, _GOOD_BAR, _MOST_BAR = 4, 8, 12


class Column(Struct):
    """A column of a table, with a cell for each row."""

    head: str
    cells: list[str]
    right: bool = True
    spare: int = 0
    """Columns with the greatest number are left out first; those with 0 never."""
    name: bool = False
    """Whether its cells may be cut."""
    shares: list[float] | None = None
    """Of the whole: the cells are bars as long as these, in whatever room there is."""
    gap: int = 2
    """Spaces before it."""
    styles: list[str] | None = None
    late: Callable[[], list[str]] | None = None
    """Makes the cells of a column that can be left out, once there is room for its head: many cells take their time."""


def fit(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit, with names cut and bars drawn; cells have the width of their column."""
    kept = [column for column in columns if any(column.cells) or column.shares is not None or column.head]
    needed = {id(column): _widest([column.head, *column.cells]) for column in kept}
    bars = [column for column in kept if column.shares is not None]
    # Names that are long are rather cut than have a column left out.
    most = _NAMES // max(1, sum(column.name for column in kept))
    least = {**needed, **{id(column): min(needed[id(column)], most) for column in kept if column.name}}
    while spare := max((column.spare for column in kept), default=0):
        # Long bars are worth more than a column that can be spared before them.
        size = _LEAST_BAR if any(column.spare == spare for column in bars) else _GOOD_BAR
        if _width(kept, least) + size * len(bars) <= width:
            if not (late := [column for column in kept if column.late]):
                break
            for column in late:
                column.cells, column.late = column.late() if column.late else [], None
                needed[id(column)] = least[id(column)] = _widest([column.head, *column.cells])
            continue
        kept = [column for column in kept if column.spare != spare]
        bars = [column for column in kept if column.shares is not None]
    room = width - _width(kept, needed)
    if bars:
        size = max(_LEAST_BAR, min(_MOST_BAR, room // len(bars)))
        room -= size * len(bars)
        longest = max((share for column in bars for share in column.shares or ()), default=0.0)
        for column in bars:
            column.cells = [bar(share / longest if longest else 0, size) for share in column.shares or ()]
            needed[id(column)] = size
    _cut(kept, needed, -room)
    for column in kept:
        column.head = _padded(column.head, needed[id(column)], right=column.right)
        column.cells = _all_padded(column.cells, needed[id(column)], right=column.right)
    return kept


def lines(columns: Sequence[Column], style: Style, *, indent: str = " ") -> list[str]:
    """The head and the rows of columns that `fit`."""
    heads = "".join(_gap(column, at) + column.head for at, column in enumerate(columns))
    row = indent + "".join(f"{_gap(column, at)}%s" for at, column in enumerate(columns))
    told = zip(*(_told(column, style) for column in columns), strict=True)
    return [indent + style(heads.rstrip(), "dim"), *map(str.rstrip, map(row.__mod__, told))]


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


def _cut(columns: Sequence[Column], needed: dict[int, int], excess: int) -> None:
    """Take what is too much from the names, the longest first."""
    names = [column for column in columns if column.name]
    while excess > 0 and names:
        longest = max(names, key=lambda column: needed[id(column)])
        if needed[id(longest)] <= _LEAST_NAME:
            return
        needed[id(longest)] -= 1
        excess -= 1
        longest.cells = [shortened(cell, needed[id(longest)]) for cell in longest.cells]
        longest.head = longest.head[: needed[id(longest)]]


def _widest(texts: list[str]) -> int:
    return max(map(len if _is_narrow(texts) else cells, texts), default=0)


def _all_padded(texts: list[str], size: int, *, right: bool) -> list[str]:
    if _is_narrow(texts):
        return [text.rjust(size) for text in texts] if right else [text.ljust(size) for text in texts]
    return [_padded(text, size, right=right) for text in texts]


def _is_narrow(texts: list[str]) -> bool:
    """Whether each character takes one cell: found out much faster than how many each of them takes."""
    return "".join(texts).isascii()


def _padded(text: str, size: int, *, right: bool) -> str:
    room = " " * max(0, size - cells(text))
    return room + text if right else text + room


def _told(column: Column, style: Style) -> Sequence[str]:
    """The cells of a column as they are written."""
    if not column.styles:
        return column.cells
    named = zip(column.cells, column.styles, strict=True)
    return [style(cell, name) if name and cell.strip() else cell for cell, name in named]


def _gap(column: Column, at: int) -> str:
    return " " * column.gap if at else ""
