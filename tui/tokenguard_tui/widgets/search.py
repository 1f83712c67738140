"""What is searched for: a line above the footer that narrows every list of its screen."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Blur
from textual.message import Message
from textual.widgets import Input


class Search(Input):
    """Escape ends it and shows everything again; Enter goes to what was found."""

    DEFAULT_CSS = """
    Search { dock: bottom; height: 1; border: none; padding: 0 1; margin: 0 0 1 0; background: $panel; }
    Search:focus { border: none; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "show all", priority=True, tooltip="end the search, show all lines"),
        Binding("enter", "submit", "choose", tooltip="go to the lines that were found"),
    ]

    class Narrowed(Message):
        """Only lines with this text are wanted; all of them if it is empty."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(placeholder="search", compact=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        """With every letter."""
        event.stop()
        self.post_message(self.Narrowed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The lists stay narrow."""
        event.stop()
        self.screen.focus_next()

    def on_blur(self, event: Blur) -> None:
        """What is left empty goes away."""
        if not self.value:
            self.action_leave()

    def action_leave(self) -> None:
        """Everything is wanted again."""
        self.post_message(self.Narrowed(""))
        self.remove()
