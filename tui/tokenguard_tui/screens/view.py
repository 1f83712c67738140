"""What all screens have in common: they show the app's state to their parts."""

from __future__ import annotations

from datetime import datetime

from textual.message import Message
from textual.screen import Screen

from tokenguard_tui.state import State
from tokenguard_tui.widgets.panel import Panel
from tokenguard_tui.widgets.rows import Rows
from tokenguard_tui.widgets.search import Search


class View(Screen[None]):
    """A screen."""

    class Drawn(Message):
        """There is room that nothing has been shown in yet: the app shows its state."""

    HORIZONTAL_BREAKPOINTS = [
        (0, "-compact"),
        (70, "-normal"),
        (130, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]

    def show(self, state: State, now: datetime) -> None:
        """Show the state, or what has changed of it."""
        for panel in self.query("*").results():
            if isinstance(panel, Panel):
                panel.show(state, now)

    def action_search(self) -> None:
        """Ask what for, once."""
        if found := self.query(Search):
            found.first().focus()
        else:
            self.mount(Search())
            self.query_one(Search).focus()

    def on_search_narrowed(self, message: Search.Narrowed) -> None:
        """In every list."""
        for rows in self.query(Rows):
            rows.narrow(message.text)

    def on_screen_resume(self) -> None:
        """What was missed while another screen was in front."""
        self.post_message(self.Drawn())

    def on_resize(self) -> None:
        """Columns depend on the room there is."""
        self.post_message(self.Drawn())
