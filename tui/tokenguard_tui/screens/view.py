"""What all screens have in common: they show the app's state to their parts."""

from __future__ import annotations

from datetime import datetime

from textual.message import Message
from textual.screen import Screen

from tokenguard_tui.state import State
from tokenguard_tui.widgets.panel import Panel


class View(Screen[None]):
    """A screen."""

    DEFAULT_CSS = """
    View > Footer.-compact FooterLabel { margin: 0 1 0 0; }
    """

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

    def on_screen_resume(self) -> None:
        """What was missed while another screen was in front."""
        self.post_message(self.Drawn())

    def on_resize(self) -> None:
        """Columns depend on the room there is."""
        self.post_message(self.Drawn())
