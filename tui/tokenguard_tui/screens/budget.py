"""One budget, to be set or changed: checked as it is typed, by the rules of configuration files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tokenguard_tui import budget_form, words
from tokenguard_tui.doing import Wanted
from tokenguard_tui.screens.view import View
from tokenguard_tui.widgets.field import MOVES, Field
from tokenguard_tui.widgets.footing import Footing


class BudgetForm(ModalScreen[str]):
    """The answer is the budget's name, once it is set."""

    DEFAULT_CSS = """
    BudgetForm {
        align: center middle;
        & > Vertical { width: 84; max-width: 100%; height: 100%; max-height: 29; padding: 1 2; background: $panel; }
        & #title { margin: 0 0 1 0; text-style: bold; }
        & VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
        & #says { margin: 1 0 0 0; height: 3; }
        &.-low > Vertical { padding: 0 1; }
        &.-low #title { margin: 0; }
        &.-low #says { margin: 0; }
    }
    """
    VERTICAL_BREAKPOINTS = View.VERTICAL_BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "set", "set", priority=True, tooltip="set the budget"),
        Binding("escape", "leave", "leave it", tooltip="leave the form, change nothing"),
        *MOVES,
    ]

    def __init__(self, table: Mapping[str, Any] | None = None) -> None:
        """`table` is that of the budget that is to be changed; None for a new one."""
        super().__init__()
        self._name = str(table["name"]) if table else None
        self._texts = budget_form.texts_of(table or {})
        self._refused = ""
        """Why the daemon did not take it."""

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        with Vertical():
            yield Static(
                f"change {words.clean(self._name)}" if self._name else "a new budget", id="title", markup=False
            )
            with VerticalScroll(can_focus=False):
                for key in budget_form.KEYS:
                    if self._name is None or key.name != "name":
                        text = self._texts.get(key.name, "")
                        yield Field(key.name, text, placeholder=key.holds_anyway, known=key.known)
            yield Static("", id="says", markup=False)
        yield Footing()

    def on_mount(self) -> None:
        """Begin with what comes first."""
        self.query_one(Input).focus()

    def on_input_changed(self) -> None:
        """Say what is not right as it is typed."""
        self._refused = ""
        self._say()

    def on_descendant_focus(self) -> None:
        """Another key: say what it means."""
        self._say()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """It can be set once it is a budget."""
        return None if action == "set" and budget_form.problem(self._typed())[1] else True

    def action_set(self) -> None:
        """Have it set; the form stays if that fails."""
        texts = self._typed()
        if budget_form.problem(texts)[1]:
            return
        body = {"table": budget_form.table_of(texts), "new": self._name is None}
        self.post_message(Wanted("/v1/budgets/set", body, self._answered))

    def action_leave(self) -> None:
        """Not after all."""
        self.dismiss(None)

    def _answered(self, problem: str) -> None:
        if not self.is_current:
            return
        if not problem:
            self.dismiss(self._typed()["name"].strip())
            return
        self._refused = problem
        self._say()

    def _typed(self) -> dict[str, str]:
        typed = {field.key: field.value for field in self.query(Field)}
        return typed if self._name is None else {"name": self._name, **typed}

    def _say(self) -> None:
        """What is not right, else what the key means that is being typed."""
        typed = self._typed()
        wrong, why = budget_form.problem(typed)
        bad = bool(typed.get(wrong, "").strip()) or (bool(why) and not wrong)
        here = ""
        for field in self.query(Field):
            field.set_class(bad and field.key == wrong, "wrong")
            here = field.key if field.has_class("here") else here
        means = next((f"{key.means}{_words(key.known)}" for key in budget_form.KEYS if key.name == here), "")
        if self._refused or bad:
            said = Content.styled(words.clean(f"✗ {self._refused or why}"), "$level-hard")
        else:
            said = Content.assemble(means, ("\n" + why if why else "", "$text-muted"))
        says = self.query_one("#says", Static)
        if says.content != said:
            says.update(said)
            self.refresh_bindings()


def _words(known: tuple[str, ...]) -> str:
    return f": {', '.join(known)}" if known else ""
