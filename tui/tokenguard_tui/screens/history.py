"""History: when it was spent and on what, where the day, the week or the month will end, and the habit of hours."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import ContentSwitcher, Input

from tokenguard_tui import measures
from tokenguard_tui.asking import Inquiry
from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.widgets.chart import Chart
from tokenguard_tui.widgets.course import Course
from tokenguard_tui.widgets.footing import Footing
from tokenguard_tui.widgets.heading import Heading
from tokenguard_tui.widgets.heat import Heat
from tokenguard_tui.widgets.series import Series

_SPAN = Binding.Group("span", compact=True)
_BYS = {"model": "agent", "agent": "repo", "repo": "model"}
"""By what the columns are stacked after each."""


class History(View):
    """A window of time."""

    DEFAULT_CSS = """
    History {
        overflow: hidden;
        & > ContentSwitcher { height: 1fr; }
        & > #below { height: 9; margin: 1 0 0 0; }
        & > #below > Series { width: 1fr; height: 100%; }
        &.-compact > #below > Heat, &.-low > #below > Heat { display: none; }
        &.-low > #below { height: 4; }
        &.-hours > #below { display: none; }
        &.-low > Heading { margin: 0; }
        &.-high.-compact > #below { height: 6; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "window('day')", "day", group=_SPAN, tooltip="today, by hours"),
        Binding("w", "window('week')", "week", group=_SPAN, tooltip="this week, by days"),
        Binding("m", "window('month')", "month", group=_SPAN, tooltip="this month, by days"),
        Binding("left", "earlier", "back", show=False, priority=True, tooltip="the one before"),
        Binding("right", "later", "later", show=False, priority=True, tooltip="the one after"),
        Binding("b", "by", "by", tooltip="stacked of models, agents or repositories"),
        Binding("v", "measure", "unit", tooltip="dollars that are billed, list prices, or tokens"),
        Binding("c", "view", "chart", tooltip="single columns, or all of them up to each with the forecast's band"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._inquiry = Inquiry("/v1/history", self.post_message, lambda: self.post_message(self.Drawn()))
        self._window, self._back, self._by = "day", 0, "model"
        self._measure = ""
        """As the daemon thinks best, until somebody chooses."""
        self._only: str | None = None

    def compose(self) -> ComposeResult:
        """See `Screen.compose`."""
        yield Heading()
        with ContentSwitcher(initial="columns"):
            yield Chart(id="columns")
            yield Course(id="course")
            yield Heat(id="hours")
        with Horizontal(id="below"):
            yield Series()
            yield Heat()
        yield Footing()

    def show(self, state: State, now: datetime) -> None:
        """See `View.show`."""
        if not self.is_mounted or not self.query(Series):
            return  # it is being put together, or taken apart
        self._inquiry.want(self._query(), state, now)
        told = self._inquiry.told
        heading = self.query_one(Heading)
        if told is None:
            heading.say("History", "", problem=self._inquiry.problem)
            return
        whole = measures.measured(told["total"], told["measure"], told)
        unit = {"spend": "", "list": " at list price", "tokens": " tokens"}[told["measure"]]
        title = f"{measures.window(told, now)}  {whole}{unit}"
        names = measures.named(told)
        only = self._only if self._only in names else None
        beside = f"  only {names[only]}" if only is not None else ""
        heading.say(title, beside, *measures.outlook(told), problem=self._inquiry.problem)
        # Where the terminal's own sixteen colours are used, there are no shades.
        signs = state.plain or self.background_colors[1].ansi is not None
        self.query_one(Chart).put_told(told, only, signs)
        self.query_one(Course).put_told(told, now, state.plain)
        self.query_one(Series).put_told(told, only, signs)
        for heat in self.query(Heat):
            heat.put_told(told, self.size.width // (1 if heat.id else 2), signs)

    def look_at(self, model: str, window: str) -> None:
        """Show when a model was used."""
        self._window, self._back, self._by, self._only = window, 0, "model", model
        self._again()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is later than now; and who writes moves within the text."""
        if action in ("earlier", "later") and isinstance(self.focused, Input):
            return False
        return self._back > 0 if action == "later" else True

    def on_series_chosen(self, message: Series.Chosen) -> None:
        """That one alone, or all of them again."""
        self._only = None if self._only == message.name else message.name
        self.post_message(self.Drawn())

    def action_window(self, window: str) -> None:
        """Another one, the present one of its kind."""
        self._window, self._back = window, 0
        self._again()

    def action_earlier(self) -> None:
        """The window before."""
        self._back += 1
        self._again()

    def action_later(self) -> None:
        """The window after."""
        self._back = max(0, self._back - 1)
        self._again()

    def action_by(self) -> None:
        """Stacked of something else."""
        self._by, self._only = _BYS[self._by], None
        self._again()

    def action_measure(self) -> None:
        """In dollars that are billed, at list price, in tokens."""
        told = self._inquiry.told
        self._measure = measures.NEXT[self._measure or (told["measure"] if told else "spend")]
        self._again()

    def action_view(self) -> None:
        """Each hour or day by itself, all of them up to then, and where there is no room beside them, the habit."""
        switcher = self.query_one(ContentSwitcher)
        small = self.has_class("-compact") or self.has_class("-low")
        views = ["columns", "course", *(["hours"] if small else [])]
        present = views.index(switcher.current) if switcher.current in views else -1
        switcher.current = views[(present + 1) % len(views)]
        self.set_class(switcher.current == "hours", "-hours")
        self.query_one(Series).focus()
        self.post_message(self.Drawn())

    def _again(self) -> None:
        self.refresh_bindings()
        self.post_message(self.Drawn())

    def _query(self) -> dict[str, str]:
        query = {"window": self._window, "back": str(self._back), "by": self._by}
        return {**query, "measure": self._measure} if self._measure else query
