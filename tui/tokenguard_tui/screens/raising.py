"""Raising a budget for a while: by how much, why, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tokenguard.policy import money
from tokenguard.policy.spans import span_us
from tokenguard.records import Unit
from tokenguard_tui import words
from tokenguard_tui.widgets.field import MOVES, Field
from tokenguard_tui.widgets.footing import Footing

_SUCH_AS = {"usd": "5", "tokens": "1M tokens", "calls": "50 calls", "percent": "5%"}


class Raising(ModalScreen[Mapping[str, str]]):
    """The answer is the body of `POST /v1/budgets/raise`."""

    DEFAULT_CSS = """
    Raising {
        align: center middle;
        & > Vertical { width: 64; max-width: 100%; height: auto; padding: 1 2; background: $panel; }
        & #stands { margin: 0 0 1 0; }
        & #problem { margin: 1 0 0 0; height: 2; color: $text-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "raise", "raise", priority=True, tooltip="raise the budget"),
        Binding("escape", "leave", "leave it", tooltip="leave the form, change nothing"),
        *MOVES,
    ]

    def __init__(self, budget: Mapping[str, Any]) -> None:
        """`budget` is one of the status."""
        super().__init__()
        self._budget = budget

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        budget, unit = self._budget, self._budget["unit"]
        spent, limit = words.amount(budget["spent"], unit), money.limit(budget["limit"], Unit(unit))
        with Vertical():
            yield Static(
                Content.assemble(
                    (f"raise {words.clean(budget['label'])}", "bold"), (f"  {spent} of {limit}", "$text-muted")
                ),
                id="stands",
            )
            yield Field("amount", placeholder=f"such as {_SUCH_AS.get(unit, '5')}")
            yield Field("reason", placeholder="why; it is kept with the raise")
            yield Field("for", placeholder="30m, 4h, 2d; else until its window ends")
            yield Static("", id="problem", markup=False)
        yield Footing()

    def on_mount(self) -> None:
        """Begin with the amount."""
        self.query_one(Input).focus()
        self._check()

    def on_input_changed(self) -> None:
        """Say what is missing as it is typed."""
        self._check()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """It can be raised once everything is said."""
        return None if action == "raise" and self._problem() else True

    def action_raise(self) -> None:
        """Done."""
        if not self._problem():
            said = self._said()
            body = {"name": str(self._budget["label"]), "amount": said["amount"], "reason": said["reason"]}
            self.dismiss({**body, "ttl": said["for"]} if said["for"] else body)

    def action_leave(self) -> None:
        """Not after all."""
        self.dismiss(None)

    def _said(self) -> dict[str, str]:
        return {field.key: field.value.strip() for field in self.query(Field)}

    def _check(self) -> None:
        self.query_one("#problem", Static).update(self._problem())
        self.refresh_bindings()

    def _problem(self) -> str:
        """What is not right yet; empty if nothing is."""
        said, unit = self._said(), self._budget["unit"]
        if not said.get("amount"):
            return f"by how much, such as {_SUCH_AS.get(unit, '5')}"
        try:
            value, given = money.parse_amount(said["amount"])
        except ValueError as error:
            return str(error)
        if given != unit:
            return f"it counts {unit}, not {given.value}; write {_SUCH_AS.get(unit, '5')}"
        if value == 0:
            return "an amount of 0 raises nothing"
        if not said["reason"]:
            return "a raise needs a reason"
        try:
            if said["for"]:
                span_us(said["for"])
        except ValueError as error:
            return f"{error}; use 30m, 4h or 2d"
        return ""
