"""Team: what will stand here once quotas can be shared."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.widgets import Static

from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.widgets.footing import Footing
from tokenguard_tui.widgets.heading import Heading

_TEXT = """\
Quotas that several people share do not exist yet.

Budgets count what is spent on this machine. To keep several people to one limit today, give each of them a part of it:

  tokenguard budget set team-part --scope user --window month --limit 100
"""


class Team(View):
    """An explanation, until there is more."""

    DEFAULT_CSS = """
    Team > #said { padding: 0 1; height: 1fr; }
    """

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Heading()
        yield Static(_TEXT, id="said", markup=False)
        yield Footing()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to search in."""
        return action != "search"

    def show(self, state: State, now: datetime) -> None:
        """See `View.show`."""
        if self.is_mounted and self.query(Heading):
            self.query_one(Heading).say("team", "", problem=state.away or "")
