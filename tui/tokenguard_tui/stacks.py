"""Columns that are stacked of parts, drawn to an eighth of a cell. Values in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.content import Content

from tokenguard_tui.palette import Kind

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


class Part(NamedTuple):
    """A part of a column."""

    value: int
    kind: Kind


class Piece(NamedTuple):
    """What a part takes of a column, in eighths of cells from the bottom."""

    begin: int
    end: int
    kind: Kind


def columns(
    stacks: Sequence[Sequence[Part]],
    top: int,
    height: int,
    pitch: int,
    ink: Callable[[Kind], str],
    *,
    signs: bool = False,
) -> list[Content]:
    """So many lines, the highest first; `top` is the value that the highest line reaches, `ink` the colour of a kind.

    Each column takes `pitch` cells, with a gap in them where there is room for one. `signs` stand in place of colours.
    """
    width = max(1, pitch - (1 if pitch < 6 else 2))
    pieces = [_pieces(stack, top, height * 8) for stack in stacks]
    lines: list[Content] = []
    for row in range(height - 1, -1, -1):
        texts: list[tuple[str, str] | str] = []
        for column in pieces:
            sign, style = _cell(column, row * 8, ink, signs)
            texts += [(sign * width, style), " " * (pitch - width)]
        lines.append(Content.assemble(*texts))
    return lines


def ceiling(value: int) -> int:
    """The next value that reads well, and so does half of it."""
    if value <= 0:
        return 0
    size = 10 ** (len(str(value)) - 1)
    return next(int(size * step) for step in _STEPS if size * step >= value)


def _pieces(stack: Sequence[Part], top: int, eighths: int) -> list[Piece]:
    pieces: list[Piece] = []
    total = begin = 0
    for value, kind in stack:
        total += value
        # What is there is seen, however small.
        end = max(1, round(total * eighths / top)) if total and top else 0
        if end > begin:
            pieces.append(Piece(begin, end, kind))
            begin = end
    return pieces


def _cell(column: Sequence[Piece], begin: int, ink: Callable[[Kind], str], signs: bool) -> tuple[str, str]:
    """What is drawn in the cell that begins at this eighth: at most two parts, one above the other."""
    within = [piece for piece in column if piece.begin < begin + 8 and piece.end > begin]
    if not within:
        return " ", ""
    if signs:
        middle = [piece for piece in within if piece.end > begin + 3]
        return (middle[0].kind.sign, "") if middle else (" ", "")
    filled = min(8, within[-1].end - begin)
    if filled < 8:
        # A cell has two colours, and one of them is that of the background.
        largest = max(within, key=lambda piece: min(piece.end, begin + 8) - max(piece.begin, begin))
        return _EIGHTHS[filled], ink(largest.kind)
    if len(within) == 1:
        return "█", ink(within[0].kind)
    cut = within[0].end - begin
    return _EIGHTHS[cut], f"{ink(within[0].kind)} on {ink(within[-1].kind)}"
