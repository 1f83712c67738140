"""Models: which took the tokens, which the money, and why that is not the same."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from tokenguard.policy import money
from tokenguard.records import Usage
from tokenguard_tui import words
from tokenguard_tui.asking import Inquiry
from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.widgets.footing import Footing
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.models import ORDERS, ModelTable

_SPAN = Binding.Group("span", compact=True)
_SPANS = {"today": "today", "7d": "7 days", "30d": "30 days"}
_WINDOWS = {"today": "day", "7d": "week", "30d": "month"}
"""The window of the history that is nearest to each."""


class Models(View):
    """All models of a time."""

    class Chosen(Message):
        """Somebody wants to see when a model was used, in the window that is nearest to what is shown."""

        def __init__(self, model: str, window: str) -> None:
            super().__init__()
            self.model, self.window = model, window

    DEFAULT_CSS = """
    Models > ModelTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "since('today')", "day", group=_SPAN, tooltip="today"),
        Binding("w", "since('7d')", "week", group=_SPAN, tooltip="the last seven days"),
        Binding("m", "since('30d')", "month", group=_SPAN, tooltip="the last thirty days"),
        Binding("o", "order", "order", tooltip="the dearest first, most tokens first, or the worst cached first"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._inquiry = Inquiry("/v1/models", self.post_message, lambda: self.post_message(self.Drawn()))
        self._since = "7d"
        self._order = next(iter(ORDERS))

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Heading()
        yield ModelTable()
        yield Footing()

    def show(self, state: State, now: datetime) -> None:
        """See `View.show`."""
        if not self.is_mounted or not self.query(ModelTable):
            return  # it is being put together, or taken apart
        self._inquiry.want({"since": self._since}, state, now)
        told, span = self._inquiry.told, _SPANS[self._inquiry.of.get("since", self._since)]
        self.query_one(ModelTable).put_told(told, self._order, state.plain)
        heading = self.query_one(Heading)
        if told is None:
            heading.say(span, "", problem=self._inquiry.problem)
            return
        whole = told["total"]
        notional = f"  {money.usd(whole['notional_nanos'])} notional" if whole["notional_nanos"] else ""
        tokens = money.tokens(Usage(**whole["usage"]).total)
        beside = f"{notional}  {tokens} tokens  {whole['calls']:,} calls"
        heading.say(f"{span}  {words.usd(whole)}", beside, ORDERS[self._order], problem=self._inquiry.problem)

    def on_model_table_opened(self, message: ModelTable.Opened) -> None:
        """Of the time that is shown."""
        self.post_message(self.Chosen(message.model, _WINDOWS[self._since]))

    def action_since(self, since: str) -> None:
        """Of another time."""
        self._since = since
        self.post_message(self.Drawn())

    def action_order(self) -> None:
        """By what comes next."""
        orders = list(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self.post_message(self.Drawn())
