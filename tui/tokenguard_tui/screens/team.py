"""Team: limits that several people share, and what each of them has of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from tokenguard_tui import words
from tokenguard_tui.doing import Wanted
from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.watching import Watch
from tokenguard_tui.widgets.footing import Footing
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.quotas import Quotas, legend, remarks

_EVERY = timedelta(seconds=2)
_WAYS = {"git": "git", "postgres": "PostgreSQL"}

_NONE = """\
This machine is in no team.

In a repository whose tokenguard.toml names one:

  tokenguard team join

To begin one, through the git remote that you have anyway:

  tokenguard team init NAME --limit 500
"""


class Team(View):
    """All teams of this machine."""

    DEFAULT_CSS = """
    Team {
        & > #said { padding: 0 1; height: 1fr; display: none; }
        & > Quotas { height: 1fr; min-height: 3; }
        & > #remarks { height: auto; max-height: 6; padding: 0 1; margin: 1 0; color: $level-warn; }
        & > #legend { height: 1; padding: 0 1; color: $text-muted; }
        &.-low > #legend { display: none; }
        &.-low > #remarks { max-height: 2; margin: 0; }
        &.-none > #said { display: block; }
        &.-none > Quotas { display: none; }
        &.-none > #legend { display: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "hear", "hear now", tooltip="tell the others now, and hear of them"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._watch = Watch("/v1/team", _EVERY, self.post_message, lambda: self.post_message(self.Drawn()))

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Heading()
        yield Static(_NONE, id="said", markup=False)
        yield Quotas()
        yield Static("", id="remarks", markup=False)
        yield Static("", id="legend", markup=False)
        yield Footing()

    def on_mount(self) -> None:
        """The limits are what is looked at."""
        self.query_one(Quotas).focus()

    def show(self, state: State, now: datetime) -> None:
        """See `View.show`."""
        if not self.is_mounted or not self.query(Footing):
            return  # it is being put together, or taken apart
        self._watch.look(state, now)
        told, heading = self._watch.told, self.query_one(Heading)
        teams: Sequence[Mapping[str, Any]] = told["teams"] if told is not None else ()
        self.set_class(told is not None and not teams, "-none")
        if not teams:
            heading.say("team", "", problem=self._watch.problem)
            return
        names = ", ".join(words.clean(one["name"]) for one in teams)
        beside, heard = (f"  {_way(teams[0])}", [_heard(teams[0], now)]) if len(teams) == 1 else ("", [])
        heading.say(f"team {names}", beside, *heard, problem=self._watch.problem)
        quotas = self.query_one(Quotas)
        quotas.tell(teams, now, plain=state.plain)
        if quotas.highlighted is None:
            quotas.action_first()
        self.query_one("#remarks", Static).update("\n".join(f"! {text}" for text in remarks(teams)))
        self.query_one("#legend", Static).update(legend(plain=state.plain))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done is offered."""
        return not self.has_class("-none") if action in ("hear", "search") else True

    def action_hear(self) -> None:
        """Tell the others now, and hear of them."""

        def done(problem: str) -> None:
            said = words.clean(problem) or "the others were heard"
            self.notify(said, severity="error" if problem else "information", markup=False)
            self._watch.renew()
            self.post_message(self.Drawn())

        self.post_message(Wanted("/v1/team/sync", {}, done))


def _way(one: Mapping[str, Any]) -> str:
    """`git, rights`: through what a team is shared, and how."""
    return f"{_WAYS.get(one['backend'], words.clean(one['backend']))}, {words.clean(one['mode'])}"


def _heard(one: Mapping[str, Any], now: datetime) -> str:
    """How old that is which is told of a team."""
    at = one["heard_at"]
    return f"heard {words.ago(now, datetime.fromisoformat(at))} ago" if at else "nothing heard yet"
