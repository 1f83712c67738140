"""Budgets: as they are set, how full they are, and what was done to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static

from tokenguard_tui import words
from tokenguard_tui.doing import Question, Wanted
from tokenguard_tui.screens.budget import BudgetForm
from tokenguard_tui.screens.confirm import Confirm
from tokenguard_tui.screens.raising import Raising
from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.watching import Watch
from tokenguard_tui.widgets.footing import Footing
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.limits import Limits, remark
from tokenguard_tui.widgets.trail import Trail

_EVERY = timedelta(seconds=10)
_Told = Mapping[str, Any]


class BudgetsView(View):
    """All budgets."""

    DEFAULT_CSS = """
    BudgetsView {
        & > Limits { height: 1fr; min-height: 3; }
        & > #remark { height: auto; max-height: 2; padding: 0 1; margin: 1 0; }
        & > Trail { max-height: 12; margin: 0 0 1 0; }
        &.-low > #remark { display: none; }
        &.-low > Trail { max-height: 3; margin: 1 0 0 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new", tooltip="set one more budget"),
        Binding("e", "change", "change", tooltip="change the selected budget"),
        Binding("plus", "raise", "raise", tooltip="raise the selected counter for a while"),
        Binding("l", "land", "land", tooltip="give out what is kept for landing"),
        Binding("x", "remove", "remove", tooltip="remove the selected budget"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._watch = Watch("/v1/budgets", _EVERY, self.post_message, lambda: self.post_message(self.Drawn()))
        self._counters: tuple[_Told, ...] = ()
        self._offers: object = None

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Heading()
        yield Limits()
        yield Static("", id="remark", markup=False)
        yield Trail()
        yield Footing()

    def on_mount(self) -> None:
        """The budgets are what is looked at."""
        self.query_one(Limits).focus()

    def show(self, state: State, now: datetime) -> None:
        """See `View.show`."""
        if not self.is_mounted:
            return
        self._watch.look(state, now)
        self._counters = tuple(state.budgets)
        told, heading = self._watch.told, self.query_one(Heading)
        if told is None:
            heading.say("budgets", "", problem=self._watch.problem)
            return
        full = sum(one["level"] == "hard" for one in self._counters)
        # Those of repositories have counters, and are not among what the user has set.
        count = len({(one.get("name"), one.get("source")) for one in (*told["budgets"], *self._counters)})
        used = f"{full} used up" if full else ""
        heading.say(f"{count} budget{'s' * (count != 1)}", "", used, problem=self._watch.problem)
        limits = self.query_one(Limits)
        limits.tell(told, state)
        if limits.highlighted is None:
            limits.action_first()
        self.query_one(Trail).tell(told, now)
        self._say()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another one is selected."""
        self._say()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the selected one is offered."""
        if action in ("change", "remove"):
            return (one := self._budget()) is not None and bool(one["changeable"])
        if action == "raise":
            counter = self._counter()
            return counter is not None and "team" not in counter  # what is shared is not one person's to raise
        if action == "land":
            counter = self._counter() or {}
            return bool(counter.get("landing")) and not counter.get("landing_released")
        return True

    def action_new(self) -> None:
        """Set one more."""
        self.post_message(Question(BudgetForm(), self._set))

    def action_change(self) -> None:
        """Change the selected one."""
        if (one := self._budget()) is not None and one["changeable"]:
            self.post_message(Question(BudgetForm(one["table"]), self._set))

    def action_remove(self) -> None:
        """Remove the selected one, after having asked."""
        one = self._budget()
        if one is None or not one["changeable"]:
            return
        name = one["name"]

        def answered(yes: bool | None) -> None:
            if yes:
                said = f"{words.clean(name)} is removed"
                wanted = Wanted("/v1/budgets/remove", {"name": name}, lambda why: self._done(why, said))
                self.post_message(wanted)

        dialog = Confirm(f"remove the budget {words.clean(name)}?", "what it has counted stays in the ledger", "remove")
        self.post_message(Question(dialog, answered))

    def action_raise(self) -> None:
        """Raise the selected counter for a while."""
        if (counter := self._counter()) is None:
            return
        label = words.clean(counter["label"])

        def answered(body: Mapping[str, str] | None) -> None:
            if body:
                said = f"{label} is raised by {words.clean(body['amount'])}"
                self.post_message(Wanted("/v1/budgets/raise", body, lambda why: self._done(why, said)))

        self.post_message(Question(Raising(counter), answered))

    def action_land(self) -> None:
        """Give out what the selected counter keeps for landing."""
        if (counter := self._counter()) is None:
            return
        said = f"what {words.clean(counter['label'])} kept for landing can be spent"
        body = {"name": counter["label"]}
        self.post_message(Wanted("/v1/budgets/land", body, lambda why: self._done(why, said)))

    def _set(self, name: str | None) -> None:
        if name:
            self._done("", f"{words.clean(name)} is set")

    def _done(self, problem: str, said: str) -> None:
        self.notify(words.clean(problem) or said, severity="error" if problem else "information", markup=False)
        self._watch.renew()
        self.post_message(self.Drawn())

    def _budget(self) -> _Told | None:
        """The one that is selected, or the one whose counter is."""
        selected, counter = self._selected(), self._counter()
        known: Sequence[_Told] = (self._watch.told or {}).get("budgets", ())
        for one in known:
            ident = (one["name"], one["source"])
            if selected == f"b:{one['name']}:{one['source']}":
                return one
            if selected.startswith("c:") and counter and ident == (counter.get("name"), counter.get("source")):
                return one
        return None

    def _counter(self) -> _Told | None:
        """The counter that is selected, or the only one of the selected budget."""
        selected = self._selected()
        own = [one for one in self._counters if selected == f"c:{one['label']}:{one['key']}"]
        own = own or [one for one in self._counters if selected == f"b:{one.get('name')}:{one.get('source')}"]
        return own[0] if len(own) == 1 else None

    def _selected(self) -> str:
        return self.query_one(Limits).selected or "" if self.is_mounted else ""

    def _say(self) -> None:
        """What there is to know of the selected one."""
        one = self._budget()
        counter = self._counter()
        said, where = "", f"set in {words.clean(counter.get('source') or 'its run')}" if counter else ""
        if one is not None:
            said, where = remark(one)
        content = Content.assemble((said, ""), ("\n" if said else "", ""), (where, "$text-muted"))
        remarks = self.query_one("#remark", Static)
        if remarks.content != content:
            remarks.update(content)
        offers = [self.check_action(action, ()) for action in ("change", "raise", "land")]
        if offers != self._offers:
            self._offers = offers
            self.refresh_bindings()
