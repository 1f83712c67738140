"""The first line of a screen: what it is about, and beside it what is worth knowing of that."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from tokenguard_tui import words
from tokenguard_tui.palette import MUTED


class Heading(Static):
    """What it is about stands left, the rest right where there is room."""

    DEFAULT_CSS = """
    Heading { height: 1; padding: 0 1; margin: 0 0 1 0; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._said: object = None

    def say(self, title: str, beside: str, *right: str, problem: str = "") -> None:
        """`right` is the same in fewer and fewer words; `problem`, why the numbers are not of now, goes before it."""
        width = self.size.width
        if (said := (title, beside, right, problem, width)) == self._said:
            return
        self._said = said
        style = "$level-hard" if problem else MUTED
        ends = [problem] if problem else [*right, ""]
        for about, end in [*((beside, end) for end in ends[:1]), *(("", end) for end in ends)]:
            room = width - len(title) - len(about) - len(end)
            if room >= 2:
                break
        else:
            about, end, room = "", words.fit(ends[-1], max(1, width - len(title) - 2)), 2
        self.update(Content.assemble((title, "bold"), (about, MUTED), " " * room, (end, style)))
