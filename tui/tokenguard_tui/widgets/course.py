"""A window of time as one line: what it had come to, and the band in which it will end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, ClassVar

from textual_plotext import PlotextPlot

from tokenguard_tui import measures
from tokenguard_tui.stacks import ceiling


class Course(PlotextPlot):
    """The sum of all slots up to each, from the beginning to the end of the window."""

    DEFAULT_CSS = """
    Course {
        padding: 0 1;
        & > .course--spent { color: $accent; }
        & > .course--likely { color: $foreground; }
        & > .course--band { color: $text-muted; }
        & > .course--axis { color: $text-muted; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"course--spent", "course--likely", "course--band", "course--axis"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: tuple[object, ...] = ()

    def put_told(self, told: Mapping[str, Any] | None, now: datetime, plain: bool) -> None:
        """What `GET /v1/history` has told."""
        drawn = (told, plain, self.size, self._rgb("spent"))
        if told is None or drawn == self._drawn:
            return
        self._drawn = drawn
        self._draw(told, now, plain)
        self.refresh()

    def _draw(self, told: Mapping[str, Any], now: datetime, plain: bool) -> None:
        plt: Any = self.plt  # plotext has no types
        plt.clear_figure()
        past, band = points(told, now)
        top = ceiling(max(value for _, value in [*past, *((at, high) for at, _, _, high in band)])) or 1
        spent, likely, shade = (self._rgb(name) for name in ("spent", "likely", "band"))
        marker = "#" if plain else "braille"
        plt.plot(*zip(*past, strict=True), marker=marker, color=spent, fillx=True)
        if band:
            # Every other dot of a braille cell, which is two wide and four high.
            across, up = len(told["slots"]) / max(1, self.size.width), top / max(1, 2 * self.size.height)
            plt.scatter(*zip(*_filled(band, across, up), strict=True), marker="." if plain else marker, color=shade)
            line = "+" if plain else marker
            plt.plot([at for at, *_ in band], [middle for _, middle, _, _ in band], marker=line, color=likely)
        plt.xlim(0, len(told["slots"]))
        plt.ylim(0, top)
        plt.frame(False)
        self._name_axes(plt, told, top)

    def _name_axes(self, plt: Any, told: Mapping[str, Any], top: int) -> None:
        count = len(told["slots"])
        pitch = max(1, (self.size.width - 10) // max(1, count))
        names = [measures.slot(datetime.fromisoformat(slot), told["window"], pitch) for slot in told["slots"]]
        step = next((step for step in (1, 2, 3, 4, 6, 8, 12, 24) if step * pitch > max(map(len, names))), 31)
        plt.xticks([at + 0.5 for at in range(0, count, step)], names[::step])
        plt.yticks([0, top // 2, top], ["", *(measures.tick(value, told["measure"]) for value in (top // 2, top))])
        plt.ticks_color(self._rgb("axis"))

    def _rgb(self, name: str) -> tuple[int, int, int]:
        return self.get_component_styles(f"course--{name}").color.rgb


def points(told: Mapping[str, Any], now: datetime) -> tuple[list[tuple[float, int]], list[tuple[float, int, int, int]]]:
    """What it had come to by then, and from now on (when, likely, low, high); times are counted in slots."""
    slots: Sequence[str] = told["slots"]
    sums = list(accumulate(sum(one["values"][slot] for one in told["series"]) for slot in range(len(slots))))
    open_slots = len(told["course"])
    if not open_slots:
        return [(0.0, 0), *((float(at), value) for at, value in enumerate(sums, 1))], []
    present = len(slots) - open_slots
    begin = datetime.fromisoformat(slots[present])
    end = datetime.fromisoformat([*slots, told["until"]][present + 1])
    at = present + max(0.0, min(1.0, (now - begin) / (end - begin)))
    whole = sums[present]
    past = [(0.0, 0), *((float(slot + 1), sums[slot]) for slot in range(present)), (at, whole)]
    if measures.foreseen(told) is None:
        return past, []
    course = [(float(slot), *bounds) for slot, bounds in enumerate(told["course"], present + 1) if bounds is not None]
    return past, [(at, whole, whole, whole), *course]


def _filled(band: Sequence[tuple[float, int, int, int]], across: float, up: float) -> list[tuple[float, float]]:
    """Points all over the band, at these distances."""
    dots: list[tuple[float, float]] = []
    for (begin, _, low, high), (end, _, next_low, next_high) in zip(band, band[1:], strict=False):
        steps = max(1, round((end - begin) / across))
        for part in (step / steps for step in range(steps)):
            bottom, top = low + (next_low - low) * part, high + (next_high - high) * part
            levels = range(math.ceil(bottom / up), math.floor(top / up) + 1)
            dots += [(begin + (end - begin) * part, level * up) for level in levels]
    return dots
