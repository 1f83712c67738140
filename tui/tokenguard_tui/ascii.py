"""For terminals that draw nothing but ASCII: every sign that is none, after all was drawn, as one that is."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = str.maketrans(
    {
        **dict(zip("▁▂▃▄▅▆▇█", "_.,-~=+#", strict=True)),
        **dict(zip("▏▎▍▌▋▊▉░▒▓■", "...####.+##", strict=True)),
        **dict(zip("●◌‖✗·≈…└│─┌┐┘├┤╭╮╯╰▲▼↑↓", "*o=x.~.`|-...||..''^v^v", strict=True)),
    }
)


class Ascii(LineFilter):
    """Puts one sign in the place of another, so that everything stays where it is."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """See `LineFilter.apply`."""
        return [segment if segment.text.isascii() else _plain(segment) for segment in segments]


def text(drawn: str) -> str:
    """The same for text."""
    return drawn.translate(_SIGNS).encode("ascii", "replace").decode()


def _plain(segment: Segment) -> Segment:
    return Segment(text(segment.text), segment.style, segment.control)
