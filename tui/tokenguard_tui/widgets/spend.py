"""What was spent today, and how fast it goes."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Digits, Static

from tokenguard.policy import money
from tokenguard_tui import words
from tokenguard_tui.state import State


class Spend(Horizontal):
    """Large digits where there is room for them, else one line."""

    DEFAULT_CSS = """
    Spend {
        height: 1;
        padding: 0 1;
        & > #today { width: auto; }
        & > #digits { display: none; width: auto; }
        & > #burn { width: 1fr; text-align: right; }
        &.plain > #digits { display: none !important; }
    }
    """

    def compose(self) -> ComposeResult:
        yield Digits("", id="digits")
        yield Static("", id="today", markup=False)
        yield Static("", id="burn", markup=False)

    def show(self, state: State, now: datetime) -> None:
        if len(self.children) < 3:
            return  # it is being put together, or taken apart
        self.set_class(state.plain, "plain")
        if state.told is None:
            self._put("#today", Content.styled(state.away or "…", "$text-muted"))
            return
        totals = state.told["totals"]["today"]
        spent = words.usd(totals)
        notional = totals.get("notional_nanos", 0)
        beside = f"  {money.usd(notional)} notional" if notional else ""
        digits = self.query_one("#digits", Digits)
        if digits.value != spent:
            digits.update(spent)
        today = (" today", "") if digits.display else (f"{spent} today", "bold")
        self._put("#today", Content.assemble(today, (beside, "$text-muted")))
        rate = f"{money.usd(state.rate(now))}/h  "
        line = words.spark(state.burn(now), max(6, min(30, self.size.width // 4)), plain=state.plain)
        away = ("  away" if state.away else "", "$level-hard")
        self._put("#burn", Content.assemble(rate, (line, "$accent"), away))

    def _put(self, part: str, content: Content) -> None:
        """Only what has changed: it may take another width, and then everything is laid out anew."""
        static = self.query_one(part, Static)
        if static.content != content:
            static.update(content)
