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
        today = self.query_one("#today", Static)
        if state.told is None:
            today.update(Content.styled(state.away or "…", "$text-muted"))
            return
        totals = state.told["totals"]["today"]
        spent = words.usd(totals)
        notional = totals.get("notional_nanos", 0)
        beside = f"  {money.usd(notional)} notional" if notional else ""
        self.query_one("#digits", Digits).update(spent)
        large = self.query_one("#digits").display
        parts = [(" today" if large else f"{spent} today", "" if large else "bold"), (beside, "$text-muted")]
        today.update(Content.assemble(*parts))
        self._burn(state, now)

    def _burn(self, state: State, now: datetime) -> None:
        rate = state.rate(now)
        room = max(6, min(30, self.size.width // 4))
        line = words.spark(state.burn(now), room, plain=state.plain)
        text = f"{money.usd(rate)}/h"
        away = ("  away" if state.away else "", "$level-hard")
        self.query_one("#burn", Static).update(Content.assemble(text, "  ", (line, "$accent"), away))
