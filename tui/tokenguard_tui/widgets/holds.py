"""Calls that wait for an answer: what needs a person now."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, short_model
from tokenguard_tui import words
from tokenguard_tui.state import State
from tokenguard_tui.widgets.rows import Rows


class Holds(Rows):
    """Two lines a call: what it is, and why it waits. Not there while nothing waits."""

    DEFAULT_CSS = """
    Holds { display: none; max-height: 8; &.waiting { display: block; } }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "answer('approve')", "allow"),
        Binding("plus", "answer('raise')", "+$5", key_display="+"),
        Binding("d", "answer('deny')", "deny"),
    ]

    class Answered(Message):
        """Somebody has decided on a call: `approve`, `raise` or `deny`."""

        def __init__(self, hold: str, answer: str) -> None:
            super().__init__()
            self.hold, self.answer = hold, answer

    def show(self, state: State, now: datetime) -> None:
        """See `Panel.show`."""
        holds = state.holds
        appeared = bool(holds) and not self.has_class("waiting")
        if self.has_class("waiting") is not bool(holds):
            self.set_class(bool(holds), "waiting")
            self.refresh_bindings()
        rows: list[tuple[str, Content]] = []
        for hold in holds:
            left = words.until(now, datetime.fromisoformat(hold["expires_at"]))
            names = " ".join(filter(None, map(words.clean, (hold["agent"], folder_name(hold["repo"])))))
            head = f"! {names}  {short_model(hold['model'])}  next call {money.usd(hold['estimate_nanos'], about=True)}"
            reason = Content.styled(f"\n  {words.clean(hold['reason'])}", "$foreground")
            rows.append(
                (hold["id"], Content.assemble((head, "bold $level-warn"), (f"  {left} left", "$text-muted"), reason))
            )
        self.put(rows)
        if appeared:
            self.highlighted = 0
            self.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to answer while nothing waits."""
        return self.has_class("waiting") if action == "answer" else True

    def action_answer(self, answer: str) -> None:
        """Answer the selected call."""
        if self.selected is not None:
            self.post_message(self.Answered(self.selected, answer))
