"""The habit of hours: on which day of the week, at which hour, how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content
from textual.events import MouseMove
from textual.widgets import Static

from tokenguard_tui import measures
from tokenguard_tui.palette import MUTED

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MARGIN = 4
_ABOVE = 2
"""Lines above the first day."""
_HEATS = (("$foreground 5%", "."), ("$accent 18%", ":"), ("$accent 38%", "-"), ("$accent 65%", "="), ("$accent", "#"))


class Heat(Static):
    """A line a weekday, a field an hour, the darker the more; what the darkest means stands above."""

    DEFAULT_CSS = """
    Heat { width: auto; height: 9; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", markup=False, id=id)
        self._drawn: tuple[object, ...] = ()
        self._told: Mapping[str, Any] | None = None
        self._width = 0

    def put_told(self, told: Mapping[str, Any] | None, width: int, signs: bool) -> None:
        """What `GET /v1/history` has told."""
        drawn = (told, width, signs)
        if told is None or drawn == self._drawn:
            return
        self._drawn, self._told, self._width = drawn, told, width
        self.update(Content("\n").join(lines(told, width, signs)))

    def on_mouse_move(self, event: MouseMove) -> None:
        """What the field below the mouse stands for."""
        self.tooltip = told_of(self._told, self._width, event.x - self.gutter.left, event.y) if self._told else None


def lines(told: Mapping[str, Any], width: int, signs: bool) -> list[Content]:
    """The map in `width` cells: a title, the hours, seven days."""
    hours: Sequence[Sequence[int]] = told["hours"]
    size = _size(width)
    most = max(map(max, hours))
    peak = f"peak {measures.measured(most // 4, told['measure'])}/h" if most else "nothing yet"
    title = Content.styled(f"{'4 WEEKS':<{_MARGIN + 24 * size - len(peak)}}{peak}", MUTED)
    every = 3 if size > 1 else 6
    scale = "".join(f"{hour:<{every * size}}" for hour in range(0, 24, every))
    days = [_day(name, day, most, size, signs) for name, day in zip(_DAYS, hours, strict=True)]
    return [title, Content.styled(" " * _MARGIN + scale, MUTED), *days]


def told_of(told: Mapping[str, Any], width: int, x: int, y: int) -> Content | None:
    """What a field of the map stands for, in words."""
    day, hour = y - _ABOVE, (x - _MARGIN) // _size(width)
    if not (0 <= day < len(_DAYS) and 0 <= hour < 24):
        return None
    value = measures.measured(told["hours"][day][hour] // 4, told["measure"])
    return Content(f"{_DAYS[day]} {hour:02d}:00  {value} on average")


def _size(width: int) -> int:
    """Cells of a field."""
    return max(1, min(3, (width - _MARGIN) // 24))


def _day(name: str, day: Sequence[int], most: int, size: int, signs: bool) -> Content:
    fields: list[tuple[str, str]] = []
    for value in day:
        style, sign = _HEATS[-(-value * (len(_HEATS) - 1) // most) if most else 0]
        fields.append((sign * size, "") if signs else (" " * size, f"on {style}"))
    return Content.assemble((f"{name:<{_MARGIN}}", MUTED), *fields)
