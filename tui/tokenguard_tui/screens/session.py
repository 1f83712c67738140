"""One session: how its cost and context went turn by turn, what was said of them, and its processes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static

from tokenguard.policy.naming import folder_name, short_model
from tokenguard_tui import words
from tokenguard_tui.doing import Question, Wanted
from tokenguard_tui.screens.confirm import Confirm
from tokenguard_tui.screens.raising import Raising
from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.watching import Watch
from tokenguard_tui.widgets import gauges
from tokenguard_tui.widgets.curves import Curves
from tokenguard_tui.widgets.footing import Footing
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.holds import Holds
from tokenguard_tui.widgets.processes import Processes
from tokenguard_tui.widgets.rows import Rows
from tokenguard_tui.widgets.subagents import SubAgents
from tokenguard_tui.widgets.turns import Turns, remark

_EVERY = timedelta(seconds=2)
"""How busy processes are is told for so long."""
_WIDE, _TALL = 110, 32
_DEEDS = {
    "pause": (
        "is paused",
        "as by Ctrl-Z: a shell that started it has the terminal again; fg there brings it back",
    ),
    "resume": ("goes on", "if the shell has its terminal, type fg there"),
    "stop": ("is stopped", "they are asked to end, and killed after 5 s; what is not saved is lost"),
}
"""What is said once it is done, and what has to be known before."""


class SessionView(View):
    """What is known of a session, while it runs and after."""

    DEFAULT_CSS = """
    SessionView {
        & > #budgets { max-height: 3; margin: 0 0 1 0; }
        & > Holds { margin: 0 0 1 0; }
        & > SubAgents { display: none; max-height: 6; margin: 0 0 1 0; }
        & > Processes { max-height: 3; margin: 0 0 1 0; }
        & > Turns { height: 1fr; }
        & > #remark { height: auto; max-height: 4; padding: 0 1; margin: 1 0 0 0; }
        & > #budgets.none, &.-low > #budgets { display: none; }
        &.-low > Processes { max-height: 1; }
        &.tall > SubAgents.some { display: block; }
        &.tall > Processes { max-height: 8; }
        &.tall > #budgets { max-height: 6; }
        &.-low > #remark { max-height: 2; margin: 0; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", tooltip="back to where it was opened"),
        Binding("p", "steer('pause')", "pause", tooltip="pause the agent and what it has started"),
        Binding("r", "steer('resume')", "resume", tooltip="let them go on"),
        Binding("x", "steer('stop')", "stop", tooltip="ask them to end, and kill what has not after five seconds"),
        Binding("plus", "raise", "raise", tooltip="raise the selected budget, else the fullest"),
    ]

    class Left(Message):
        """Somebody has seen enough of it."""

    def __init__(self, session: str) -> None:
        super().__init__()
        self._session = session
        self._offers: object = None
        path = f"/v1/sessions/{session}"
        self._watch = Watch(path, _EVERY, self.post_message, lambda: self.post_message(self.Drawn()))

    @property
    def _told(self) -> Mapping[str, Any]:
        return self._watch.told or {}

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Heading()
        yield Holds()
        yield Curves()
        yield Rows(id="budgets")
        yield SubAgents()
        yield Processes()
        yield Turns()
        yield Static("", id="remark", markup=False)
        yield Footing()

    def on_mount(self) -> None:
        """The turns are what is looked at."""
        self.query_one(Turns).focus()

    def show(self, state: State, now: datetime) -> None:
        """See `View.show`."""
        if not self.is_mounted:
            return
        self._watch.look(state, now)
        self.set_class(self.size.height >= _TALL, "tall")
        own = [hold for hold in state.holds if hold.get("session") == self._session]
        self.query_one(Holds).show(State(told={"holds": own}, plain=state.plain), now)
        told, heading = self._watch.told, self.query_one(Heading)
        if told is None:
            heading.say(f"session {self._session}", "", problem=self._watch.problem)
            return
        about = told["session"]
        names = [about["task"] or about["agent"], folder_name(about["repo"]), about["branch"]]
        title = "  ".join(words.clean(name) for name in names if name) + f"  {words.usd(about)}"
        heading.say(
            title, f"  {_beside(told, self.size.width >= _WIDE)}", _stands(about, now), problem=self._watch.problem
        )
        self.query_one(Curves).tell(told, state.plain)
        limits = self.query_one("#budgets", Rows)
        limits.set_class(not told["budgets"], "none")
        only_these = State(told={"budgets": told["budgets"]}, plain=state.plain)
        limits.put(gauges.lines(only_these, now, limits.size.width - 2) if told["budgets"] else [])
        self.query_one(SubAgents).tell(told)
        self.query_one(Processes).tell(told, state.plain)
        self.query_one(Turns).tell(told, now)
        self._say()
        offers = [(one["pid"], one["stopped"]) for one in told["processes"][:1]], bool(told["budgets"])
        if offers != self._offers:
            self._offers = offers
            self.refresh_bindings()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another turn is selected."""
        self._say()

    def on_turns_ordered(self) -> None:
        """Show the turns in another order."""
        self.post_message(self.Drawn())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with it as it stands is offered."""
        if action == "raise":
            return bool(self._told.get("budgets"))
        if action == "steer":
            agent = next(iter(self._told.get("processes", ())), None)
            return agent is not None and parameters[0] != ("pause" if agent["stopped"] else "resume")
        return True

    def action_leave(self) -> None:
        """Back to where it was opened."""
        self.post_message(self.Left())

    def action_steer(self, deed: str) -> None:
        """Do it to its processes, after having asked."""
        processes = self._told.get("processes", ())
        if not processes:
            return
        agent, more = processes[0], len(processes) - 1
        name = words.clean(agent["name"], 40)
        beside = f" and the {more} process{'es' * (more != 1)} below it" if more else ""
        done, careful = _DEEDS[deed]
        dialog = Confirm(f"{deed} {name} (process {agent['pid']}){beside}?", careful, deed)
        body = {"deed": deed, "pid": agent["pid"], "started_us": agent["started_us"]}

        def answered(yes: bool | None) -> None:
            if yes:
                self.post_message(
                    Wanted(f"/v1/sessions/{self._session}/steer", body, lambda why: self._done(why, f"{name} {done}"))
                )

        self.post_message(Question(dialog, answered))

    def action_raise(self) -> None:
        """Raise the budget that is selected, else the one that is fullest."""
        budgets = self._told["budgets"]
        chosen = self.query_one("#budgets", Rows).selected
        budget = next((one for one in budgets if f"b:{one['label']}:{one['key']}" == chosen), budgets[0])

        def answered(body: Mapping[str, str] | None) -> None:
            if body:
                said = f"{budget['label']} is raised by {body['amount']}"
                self.post_message(Wanted("/v1/budgets/raise", body, lambda why: self._done(why, words.clean(said))))

        self.post_message(Question(Raising(budget), answered))

    def _done(self, problem: str, said: str) -> None:
        self.notify(words.clean(problem) or said, severity="error" if problem else "information", markup=False)
        self.renew()

    def renew(self) -> None:
        """Look again: something has been changed."""
        self._watch.renew()
        self.post_message(self.Drawn())

    def _say(self) -> None:
        """What there is to say of the selected turn, else of the last one."""
        turns = self._told.get("turns", ())
        selected = self.query_one(Turns).selected
        turn = next((one for one in turns if f"t:{one['id']}" == selected), turns[-1] if turns else None)
        said, about = remark(turn) if turn else ("", "")
        content = Content.assemble((said, ""), ("\n" if said else "", ""), (about, "$text-muted"))
        remarks = self.query_one("#remark", Static)
        if remarks.content != content:
            remarks.update(content)


def _beside(told: Mapping[str, Any], wide: bool) -> str:
    """In how many calls, and by which models where there is room."""
    calls = told["session"]["calls"]
    dearest = " · ".join(f"{short_model(one['model'])} {words.usd(one)}" for one in told["models"][:3])
    return f"{calls} call{'s' * (calls != 1)}" + (f"  {words.clean(dearest)}" if wide else "")


def _stands(about: Mapping[str, Any], now: datetime) -> str:
    """Whether it runs, and since when; or when it ended, and how."""
    if about["state"] == "ended" and about.get("ended_at"):
        code = about.get("exit_code")
        return f"ended {_clock(about['ended_at'], now)}" + (f" with {code}" if code else "")
    return f"{about['state']} since {_clock(about['started_at'], now)}"


def _clock(text: str, now: datetime) -> str:
    """The time of the day, or the date of another one."""
    local = datetime.fromisoformat(text).astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%b} {local.day}"
