"""A window of time in columns: what each hour or day took, of what, and what is still to come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from textual.content import Content
from textual.events import MouseMove
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
        self._told: Mapping[str, Any] | None = None
        self._only: str | None = None

    def put_told(self, told: Mapping[str, Any] | None, only: str | None, signs: bool) -> None:
        """What `GET /v1/history` has told; of one series `only`, if it is given, in `signs` in place of shades."""
        if told is None:
            return
        _, background = self.background_colors
        inks = {kind: opaque(kind, background) for kind in (*SERIES, OTHERS, LIKELY, AT_MOST)}
        drawn = (told, only, signs, self.size, inks)
        if drawn != self._drawn:
            self._drawn = drawn
            self._told, self._only = told, only
            self.update(Content("\n").join(lines(told, only, *self.size, inks.__getitem__, signs)))

    def on_mouse_move(self, event: MouseMove) -> None:
        """What the column below the mouse holds."""
        x = event.x - self.gutter.left
        self.tooltip = told_of(self._told, self._only, self.size.width, x) if self._told else None


def lines(
    told: Mapping[str, Any], only: str | None, width: int, height: int, ink: Callable[[Kind], str], signs: bool
) -> list[Content]:
    """The chart in `width` x `height` cells; `ink` is the colour of a kind."""
    height -= 1  # for the times
    height -= height % 2  # so that half of the top is at the edge of a cell
    place = _placed(told, only, width)
    if height < 2 or place is None:
        return []
    drawn = columns(place.stacks, place.top, height, place.pitch, ink, signs=signs)
    found = [
        Content.assemble((f"{_amount(place.amounts, row, height):>{place.margin - 1}} ", MUTED), line)
        for row, line in enumerate(drawn)
    ]
    return [*found, Content.assemble(" " * place.margin, *_times(told, len(place.stacks), place.pitch))]


def told_of(told: Mapping[str, Any], only: str | None, width: int, x: int) -> Content | None:
    """What the column at this cell of the chart holds, in words."""
    place = _placed(told, only, width)
    if place is None or not 0 <= (column := (x - place.margin) // place.pitch) < len(place.stacks):
        return None
    slot = len(told["slots"]) - len(place.stacks) + column
    names, measure = measures.named(told), told["measure"]
    parts = [
        (names[one["name"] or ""], one["values"][slot])
        for one in told["series"]
        if one["values"][slot] and (only is None or (one["name"] or "") == only)
    ]
    begin = datetime.fromisoformat(told["slots"][slot])
    title = f"{begin:%H:%M}" if told["window"] == "day" else f"{begin:%a %b} {begin.day}"
    said = [f"{title}  {measures.measured(sum(value for _, value in parts), measure)}"]
    said += [f"{name}  {measures.measured(value, measure)}" for name, value in parts if len(parts) > 1]
    ahead = slot - len(told["slots"]) + len(told["ahead"])
    if only is None and ahead >= 0 and told["ahead"][ahead] is not None:
        likely, _, high = (measures.measured(value, measure) for value in told["ahead"][ahead])
        said.append(f"still to come  ≈{likely}, up to {high}")
    return Content("\n".join(said))


class _Place(NamedTuple):
    """Where what is drawn."""

    stacks: list[list[Part]]
    top: int
    amounts: tuple[str, str]
    """At the top, and at half of it."""
    margin: int
    """Cells before the first column."""
    pitch: int
    """Cells of a column."""


def _placed(told: Mapping[str, Any], only: str | None, width: int) -> _Place | None:
    """None where there is no room."""
    stacks = _stacks(told, only)
    top = ceiling(max((sum(part.value for part in stack) for stack in stacks), default=0))
    amounts = (measures.tick(top, told["measure"]), measures.tick(top // 2, told["measure"])) if top else ("", "")
    margin = max(map(len, amounts)) + 1
    if width < margin + 4:
        return None
    pitch = max(1, (width - margin) // max(1, len(stacks)))
    return _Place(stacks[-((width - margin) // pitch) :], top, amounts, margin, pitch)


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
