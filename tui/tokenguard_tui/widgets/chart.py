"""A window of time in columns: what each hour or day took, of what, and what is still to come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from textual.content import Content
from textual.widgets import Static

from tokenguard_tui import measures
from tokenguard_tui.palette import AT_MOST, LIKELY, MUTED, OTHERS, SERIES, Kind, kind_of, opaque
from tokenguard_tui.stacks import Part, ceiling, columns

_STEPS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 24, 31)


class Chart(Static):
    """Columns between an axis of amounts and one of times."""

    DEFAULT_CSS = """
    Chart { height: 1fr; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", markup=False, id=id)
        self._drawn: tuple[object, ...] = ()

    def put_told(self, told: Mapping[str, Any] | None, only: str | None, signs: bool) -> None:
        """What `GET /v1/history` has told; of one series `only`, if it is given, in `signs` in place of shades."""
        if told is None:
            return
        _, background = self.background_colors
        inks = {kind: opaque(kind, background) for kind in (*SERIES, OTHERS, LIKELY, AT_MOST)}
        drawn = (told, only, signs, self.size, inks)
        if drawn != self._drawn:
            self._drawn = drawn
            self.update(Content("\n").join(lines(told, only, *self.size, inks.__getitem__, signs)))


def lines(
    told: Mapping[str, Any], only: str | None, width: int, height: int, ink: Callable[[Kind], str], signs: bool
) -> list[Content]:
    """The chart in `width` x `height` cells; `ink` is the colour of a kind."""
    height -= 1  # for the times
    height -= height % 2  # so that half of the top is at the edge of a cell
    stacks = _stacks(told, only)
    top = ceiling(max((sum(part.value for part in stack) for stack in stacks), default=0))
    amounts = [measures.tick(top, told["measure"]), measures.tick(top // 2, told["measure"])] if top else ["", ""]
    margin = max(map(len, amounts)) + 1
    if height < 2 or width < margin + 4:
        return []
    pitch = max(1, (width - margin) // max(1, len(stacks)))
    stacks = stacks[-((width - margin) // pitch) :]
    drawn = columns(stacks, top, height, pitch, ink, signs=signs)
    found = [
        Content.assemble((f"{_amount(amounts, row, height):>{margin - 1}} ", MUTED), line)
        for row, line in enumerate(drawn)
    ]
    return [*found, Content.assemble(" " * margin, *_times(told, len(stacks), pitch))]


def _stacks(told: Mapping[str, Any], only: str | None) -> list[list[Part]]:
    """For each slot the largest series at the bottom; what is still to come stands above all of them."""
    series: Sequence[Mapping[str, Any]] = told["series"]
    shown = [(kind_of(place), one) for place, one in enumerate(series) if only is None or (one["name"] or "") == only]
    stacks = [[Part(one["values"][slot], kind) for kind, one in shown] for slot in range(len(told["slots"]))]
    if only is None:
        ahead: Sequence[Sequence[int] | None] = told["ahead"]
        for stack, more in zip(stacks[len(stacks) - len(ahead) :], ahead, strict=True):
            if more is not None:
                likely, _, high = more
                stack += [Part(likely, LIKELY), Part(high - likely, AT_MOST)]
    return stacks


def _amount(amounts: Sequence[str], row: int, height: int) -> str:
    return amounts[0] if row == 0 else amounts[1] if row == height // 2 and height > 2 else ""


def _times(told: Mapping[str, Any], count: int, pitch: int) -> list[tuple[str, str]]:
    """A name below as many columns as there is room for; that of the present one stands out."""
    begins = [datetime.fromisoformat(slot) for slot in told["slots"][-count:]]
    names = [measures.slot(begin, told["window"], pitch) for begin in begins]
    longest = max(map(len, names), default=0)
    step = next((step for step in _STEPS if step * pitch > longest), len(names))
    present = len(names) - len(told["ahead"]) if told["ahead"] else -1
    texts: list[tuple[str, str]] = []
    for place in range(0, len(names), step):
        style = "bold" if place == present else MUTED
        texts.append((f"{names[place]:<{step * pitch}}", style))
    return texts
