"""A line of a form: what is asked for, and the answer."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label

MOVES = (
    Binding("up,shift+tab", "app.focus_previous", "the field before", show=False, priority=True),
    Binding("down,tab", "app.focus_next", "the next field", show=False, priority=True),
)
"""For forms. With priority, what is typed fast after them goes into the field to which they lead."""


class Field(Horizontal):
    """Text that is typed. `key` says what it is for."""

    DEFAULT_CSS = """
    Field {
        height: 1;
        & > Label { width: 16; color: $text-muted; }
        & > Input { width: 1fr; background: $surface; padding: 0 1; }
        &.here > Label { color: $foreground; text-style: bold; }
        &.wrong > Label { color: $level-hard; }
    }
    """

    def __init__(self, key: str, value: str = "", *, placeholder: str = "", known: Sequence[str] = ()) -> None:
        """`known` are words that are completed as they are typed."""
        super().__init__(id=f"field-{key}")
        self.key = key
        suggester = SuggestFromList(known, case_sensitive=False) if known else None
        self._input = Input(value, placeholder=placeholder, compact=True, suggester=suggester)

    @property
    def value(self) -> str:
        """As it stands."""
        return self._input.value

    def on_descendant_focus(self) -> None:
        """It is being typed here."""
        self.add_class("here")

    def on_descendant_blur(self) -> None:
        """Not any more."""
        self.remove_class("here")

    def compose(self) -> ComposeResult:
        """See `Widget.compose`."""
        yield Label(self.key.replace("_", " "))
        yield self._input
