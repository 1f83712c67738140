"""The screen that people look at all day: how much, how fast, how long until a limit, what needs me."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from tokenguard_tui.screens.view import View
from tokenguard_tui.widgets.calls import Calls
from tokenguard_tui.widgets.footing import Footing
from tokenguard_tui.widgets.gauges import Gauges
from tokenguard_tui.widgets.holds import Holds
from tokenguard_tui.widgets.sessions import Sessions
from tokenguard_tui.widgets.spend import Spend


class Now(View):
    """The default screen."""

    DEFAULT_CSS = """
    Now {
        & > Spend { margin: 0 0 1 0; }
        & > Holds { margin: 0 0 1 0; }
        & > #tables { height: auto; }
        & Gauges { max-height: 9; margin: 0 0 1 0; }
        & Sessions { max-height: 11; margin: 0 0 1 0; }
        & > Calls { height: 1fr; }
        &.-compact > Calls, &.-low > Calls { display: none; }
        &.-compact > #tables, &.-low > #tables { height: 1fr; }
        &.-compact Sessions { height: 1fr; max-height: 100%; }
        &.-wide > #tables {
            layout: horizontal;
            & > Gauges { width: 1fr; max-height: 20; margin: 0 2 1 0; }
            & > Sessions { width: 1fr; max-height: 20; }
        }
        &.-high.-normal > Spend, &.-high.-wide > Spend {
            height: 3;
            & > #digits { display: block; }
            & > #today { padding: 2 0 0 0; }
            & > #burn { padding: 2 0 0 0; }
        }
    }
    """

    AUTO_FOCUS = "Sessions"

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Spend()
        yield Holds()
        with Container(id="tables"):
            yield Gauges()
            yield Sessions()
        yield Calls()
        yield Footing()

    def on_sessions_ordered(self) -> None:
        """They are drawn anew."""
        self.post_message(self.Drawn())
