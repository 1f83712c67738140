"""Calls that wait for an answer: what needs a person now."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, short_model
from tokenguard.records import Unit
from tokenguard_tui import words
from tokenguard_tui.state import State
from tokenguard_tui.widgets.rows import Row, Rows

_STEPS = {"usd": "$5", "tokens": "1M tokens", "calls": "50 calls", "percent": "5%"}
"""By how much a budget is raised with one key, in its unit."""


_LEAST = 20
"""Cells below which a reason is not broken into lines of its own."""


class Holds(Rows):
    """A few lines a call: what it is, and why it waits. Not there while nothing waits."""

    DEFAULT_CSS = """
    Holds { display: none; max-height: 8; &.waiting { display: block; } }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "allow", tooltip="let the selected call go on"),
        Binding("plus", "raise", "raise", tooltip="raise its budget, and let it go on"),
        Binding("c", "cheaper", "cheaper", tooltip="let the next model down serve it"),
        Binding("d", "deny", "deny", tooltip="refuse the selected call"),
    ]

    class Answered(Message):
        """Somebody has decided on a call; `answer` is the body of `POST /v1/holds/ID`."""

        def __init__(self, hold: str, answer: Mapping[str, str]) -> None:
            super().__init__()
            self.hold, self.answer = hold, answer

    def __init__(self) -> None:
        super().__init__()
        self._steps: dict[str, str] = {}
        """Id of a hold -> by how much its budget is raised; only of those that a budget holds."""
        self._cheaper: set[str] = set()
        self._before: Widget | None = None
        """What had the keys before something waited."""

    def show(self, state: State, now: datetime) -> None:
        """See `Panel.show`."""
        holds = state.holds
        self._steps = {hold["id"]: step for hold in holds if (step := _step(hold))}
        self._cheaper = {hold["id"] for hold in holds if hold.get("cheaper")}
        appeared = bool(holds) and not self.has_class("waiting")
        if self.has_class("waiting") is not bool(holds):
            if appeared:
                self._before = self.screen.focused
            elif self.has_focus and self._before is not None:
                self.screen.set_focus(self._before)
            self.set_class(bool(holds), "waiting")
            self.refresh_bindings()
        self.put(lines(state, now, (self.size.width or self.screen.size.width) - 2))
        if appeared:
            self.highlighted = 0
            self.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to answer while nothing waits, and nothing to raise where no budget is the reason."""
        if action == "raise":
            return bool(self._steps)
        if action == "cheaper":
            return bool(self._cheaper)
        return self.has_class("waiting") if action in ("approve", "deny") else True

    def action_approve(self) -> None:
        """Let the selected call go on."""
        self._answer({"answer": "approve"})

    def action_raise(self) -> None:
        """Let it go on, with room for others."""
        if (step := self._steps.get(self.selected or "")) is not None:
            self._answer({"answer": "approve", "amount": step})

    def action_cheaper(self) -> None:
        """Let the next model down serve it."""
        if self.selected in self._cheaper:
            self._answer({"answer": "cheaper"})

    def action_deny(self) -> None:
        """Refuse it."""
        self._answer({"answer": "deny"})

    def _answer(self, answer: Mapping[str, str]) -> None:
        if self.selected is not None:
            self.post_message(self.Answered(self.selected, answer))


def lines(state: State, now: datetime, width: int) -> list[Row]:
    """What each call is, how long it still waits, and in the next line why, in `width` cells."""
    return [(hold["id"], _lines(hold, now, width)) for hold in state.holds]


def _lines(hold: Mapping[str, Any], now: datetime, width: int) -> Content:
    names = " ".join(filter(None, map(words.clean, (hold["agent"], folder_name(hold["repo"])))))
    wants = hold.get("wants")
    if wants is None:
        who = f"! {names}  {short_model(hold['model'])}"
        costs = f"next call {money.usd(hold['estimate_nanos'], about=True)}"
    else:
        who = f"! {names}  asks"
        costs = f"for {money.amount(wants, Unit(hold['unit']))} more"
    left = f"  {words.until(now, datetime.fromisoformat(hold['expires_at']))} left"
    step = f"  + {amount}" if (amount := _step(hold)) else ""
    if other := hold.get("cheaper"):
        step += f"  c {short_model(other['model'])} {money.usd(other['estimate_nanos'], about=True)}"
    between = "  " if len(who) + 2 + len(costs) + len(left) + len(step) <= width else "\n  "
    why = textwrap.wrap(words.clean(hold["reason"]), max(_LEAST, width), initial_indent="  ", subsequent_indent="  ")
    head = Content.assemble((f"{who}{between}{costs}", "bold $level-warn"), (left + step, "$text-muted"))
    return Content("\n").join([head, *(Content.styled(line, "$foreground") for line in why)])


def _step(hold: Mapping[str, Any]) -> str | None:
    return _STEPS.get(hold.get("unit", "usd") or "")
