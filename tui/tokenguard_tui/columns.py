"""Cells in columns: right-aligned numbers, and what matters least left out where there is no room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

GAP = 2
_LEAST = 4
"""Cells below which a name says nothing any more."""


class Column(NamedTuple):
    """One column."""

    title: str
    right: bool = False
    rank: int = 0
    """Where there is no room, the columns of the highest rank go first; those of rank 0 stay."""
    bends: bool = False
    """Whether its text may be cut."""


class Cell(NamedTuple):
    """Text and how it looks, in Textual's words for styles."""

    text: str
    style: str = ""


def laid_out(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell | str]], width: int
) -> tuple[Content, list[Content]]:
    """The line of titles, and a line for each row, in `width` cells as far as that goes."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    widths = [
        max([len(column.title), *(len(row[index].text) for row in cells)]) for index, column in enumerate(columns)
    ]
    kept = [index for index in range(len(columns)) if columns[index].title or any(row[index].text for row in cells)]
    while (
        _total(widths, kept) > width
        and (last := max(kept, key=lambda index: columns[index].rank))
        and columns[last].rank
    ):
        kept.remove(last)
    while (over := _total(widths, kept) - width) > 0:
        bending = [index for index in kept if columns[index].bends and widths[index] > _LEAST]
        if not bending:
            break
        widest = max(bending, key=lambda index: widths[index])
        widths[widest] = max(_LEAST, widths[widest] - over)
    titles = [Cell(column.title, "$text-muted") for column in columns]
    return _line(columns, titles, widths, kept), [_line(columns, row, widths, kept) for row in cells]


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[index] for index in kept) + GAP * (len(kept) - 1)


def _line(columns: Sequence[Column], row: Sequence[Cell], widths: Sequence[int], kept: Sequence[int]) -> Content:
    parts: list[tuple[str, str] | str] = []
    for position, index in enumerate(kept):
        text, style = row[index]
        size = widths[index]
        if len(text) > size:
            text = text[: size - 1] + "…"
        if position:
            parts.append(" " * GAP)
        parts.append((f"{text:>{size}}" if columns[index].right else f"{text:<{size}}", style))
    return Content.assemble(*parts)
