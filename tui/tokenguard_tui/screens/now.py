"""The screen that people look at all day: how much, how fast, how long until a limit, what needs me."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Footer

from tokenguard_tui.screens.view import View
from tokenguard_tui.widgets.calls import Calls
from tokenguard_tui.widgets.gauges import Gauges
from tokenguard_tui.widgets.holds import Holds
from tokenguard_tui.widgets.sessions import Sessions
from tokenguard_tui.widgets.spend import Spend


class Now(View):
    """The default screen."""

    DEFAULT_CSS = """
    Now {
        & > Holds { margin: 0 0 1 0; }
        & > Spend { margin: 0 0 1 0; }
        & > Gauges { max-height: 8; margin: 0 0 1 0; }
        & > Sessions { max-height: 10; margin: 0 0 1 0; }
        & > Calls { height: 1fr; }
        &.-compact > Calls, &.-low > Calls { display: none; }
        &.-compact > Sessions { height: 1fr; }
        &.-high.-normal > Spend, &.-high.-wide > Spend {
            height: 3;
            & > #digits { display: block; }
            & > #today { padding: 2 0 0 0; }
            & > #burn { padding: 2 0 0 0; }
        }
    }
    """

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Spend()
        yield Holds()
        yield Gauges()
        yield Sessions()
        yield Calls()
        yield Footer(compact=True)

    def on_sessions_ordered(self) -> None:
        """They are drawn anew."""
        self.post_message(self.Drawn())
