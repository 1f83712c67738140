"""What tells the parts of a chart apart: shades of the one accent, then greys, and signs where there is only ASCII."""

from __future__ import annotations

from typing import NamedTuple

from textual.color import Color
from textual.style import Style

MUTED = "$foreground 60%"
"""Of what matters less. (`$text-muted` is no colour outside of CSS.)"""


class Kind(NamedTuple):
    """How one part of a chart looks."""

    style: str
    """A colour, in Textual's words for styles; not opaque."""
    sign: str
    """What is drawn where there are no shades, or nothing beyond ASCII."""


SERIES = (
    Kind("$accent", "#"),
    Kind("$accent 60%", "="),
    Kind("$accent 32%", "-"),
    Kind("$foreground 55%", "%"),
    Kind("$foreground 32%", "+"),
)
"""Of the largest parts, the largest first."""
OTHERS = Kind("$foreground 16%", ":")
"""Of all that are smaller."""
LIKELY = Kind("$foreground 12%", ",")
"""What is still to come."""
AT_MOST = Kind("$foreground 6%", ".")
"""What may come besides."""


def kind_of(place: int) -> Kind:
    """How the part at this place, by size, looks."""
    return SERIES[place] if place < len(SERIES) else OTHERS


def opaque(kind: Kind, background: Color) -> str:
    """The colour that a part has on this background: where two meet in a cell, neither may shine through the other."""
    color = Style.parse(kind.style).foreground
    return (background if color is None else background + color).hex
