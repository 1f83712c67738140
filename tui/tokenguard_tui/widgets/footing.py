"""The last line: what can be pressed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from textual.content import Content
from textual.events import Click, MouseMove
from textual.screen import Screen
from textual.widgets import Static

from tokenguard_tui import keys
from tokenguard_tui.keys import Offer
from tokenguard_tui.palette import MUTED


class _Piece(NamedTuple):
    text: str
    style: str = ""
    key: str = ""
    """Which it stands for."""


class Footing(Static):
    """What can be done here stands left, what can be done everywhere right.

    It is one widget. Textual's own has one for each key, makes all of them anew whenever one changes, and keeps the
    old ones: that is most of what changing the screen would take, and more memory with each change.
    """

    DEFAULT_CSS = """
    Footing { dock: bottom; height: 1; padding: 0 1; background: $footer-background; color: $footer-foreground; }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._offered: Sequence[Offer] = ()
        self._pieces: Sequence[_Piece] = ()
        self._looks = False

    def on_mount(self) -> None:
        """Hear of changes."""
        screen: Any = self.screen  # of what type its signal is, is not said
        screen.bindings_updated_signal.subscribe(self, self._changed)

    def on_resize(self) -> None:
        """There is more room, or less."""
        self._draw()

    def on_click(self, event: Click) -> None:
        """The same as the key."""
        if key := self._at(event.x - self.gutter.left):
            self.call_later(self.run_action, f"app.simulate_key({key!r})")

    def on_mouse_move(self, event: MouseMove) -> None:
        """More of the key below the mouse."""
        found = self.screen.active_bindings.get(self._at(event.x - self.gutter.left))
        self.tooltip = (found.tooltip or found.binding.description) if found else None

    def _changed(self, screen: Screen[Any]) -> None:
        if not self._looks:
            self._looks = True
            self.call_after_refresh(self._look)

    def _look(self) -> None:
        self._looks = False
        if self.is_attached:
            self._offered = keys.offers(self.screen.active_bindings.values())
            self._draw()

    def _draw(self) -> None:
        self._pieces = list(_placed(keys.fitted(self._offered, self.size.width), self.size.width))
        said = Content.assemble(*((piece.text, piece.style) for piece in self._pieces))
        if said != self.content:
            self.update(said)

    def _at(self, x: int) -> str:
        """The key at this cell; empty where there is none."""
        at = 0
        for piece in self._pieces:
            at += len(piece.text)
            if x < at:
                return piece.key
        return ""


def _placed(offered: Sequence[Offer], width: int) -> Iterator[_Piece]:
    """The line from left to right."""
    here = [one for one in offered if not one.everywhere]
    everywhere = [one for one in offered if one.everywhere]
    yield from _said(here)
    between = width - keys.room(here) - keys.room(everywhere)
    yield _Piece(" " * max(keys.GAP if here else 0, between))
    yield from _said(everywhere)


def _said(offered: Sequence[Offer]) -> Iterator[_Piece]:
    for place, one in enumerate(offered):
        if place:
            yield _Piece(" " * keys.GAP)
        for key, name in one.keys:
            yield _Piece(name, "bold $accent" if one.enabled else MUTED, key)
        yield _Piece(f" {one.text}", "" if one.enabled else MUTED, one.keys[-1][0])
