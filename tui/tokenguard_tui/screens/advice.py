"""Advice: which habits cost more than they had to, and what would change that."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tokenguard_tui import words
from tokenguard_tui.asking import Inquiry
from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.widgets.advice import AdviceList
from tokenguard_tui.widgets.footing import Footing
from tokenguard_tui.widgets.heading import Heading

_SPAN = Binding.Group("span", compact=True)
_SPANS = {"today": "today", "7d": "7 days", "30d": "30 days"}


class AdviceView(View):
    """What `tokenguard advise` says."""

    DEFAULT_CSS = """
    AdviceView > AdviceList { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "since('today')", "day", group=_SPAN, tooltip="today"),
        Binding("w", "since('7d')", "week", group=_SPAN, tooltip="the last seven days"),
        Binding("m", "since('30d')", "month", group=_SPAN, tooltip="the last thirty days"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._inquiry = Inquiry("/v1/advice", self.post_message, lambda: self.post_message(self.Drawn()))
        self._since = "30d"

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Heading()
        yield AdviceList()
        yield Footing()

    def show(self, state: State, now: datetime) -> None:
        """See `View.show`."""
        if not self.is_mounted or not self.query(AdviceList):
            return  # it is being put together, or taken apart
        self._inquiry.want({"since": self._since}, state, now)
        told, span = self._inquiry.told, _SPANS[self._inquiry.of.get("since", self._since)]
        self.query_one(AdviceList).put_told(told)
        spent = "" if told is None else f"  {words.usd(told)}"
        right = () if told is None or not told["advice"] else ("by list prices; savings can overlap", "savings overlap")
        self.query_one(Heading).say(f"{span}{spent}", "", *right, problem=self._inquiry.problem)

    def action_since(self, since: str) -> None:
        """Of another time."""
        self._since = since
        self.post_message(self.Drawn())
