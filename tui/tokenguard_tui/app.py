"""The application: owns the state, hears what the feed brings, and asks the daemon for what people want."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError, TokenguardError
from tokenguard_tui import terminal
from tokenguard_tui.ascii import Ascii
from tokenguard_tui.asking import Asked, fetch
from tokenguard_tui.doing import Question, Wanted, do
from tokenguard_tui.feed import Feed
from tokenguard_tui.once import text
from tokenguard_tui.screens.advice import AdviceView
from tokenguard_tui.screens.budgets import BudgetsView
from tokenguard_tui.screens.help import Help, keys_of
from tokenguard_tui.screens.models import Models
from tokenguard_tui.screens.now import Now
from tokenguard_tui.screens.session import SessionView
from tokenguard_tui.screens.team import Team
from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.themes import DARK, OURS, defaults
from tokenguard_tui.widgets.holds import Holds
from tokenguard_tui.widgets.rows import Rows
from tokenguard_tui.widgets.sessions import Sessions

_FRAME_S = 0.33
"""The screen changes no more often than this, however much happens."""
_STATUS_S = 1.0
"""The status is asked for no more often than this."""
_TICK_S = 1.0
"""For times that count down."""
_INPUT = 0
"""The descriptor from which keys come."""
_SETTLED_S = 1.0
"""After the first status has come, there is time for what can wait."""
_AGAIN_S = 30.0
"""The status is asked for at least this often: windows end, and rolling ones move, without an event."""


_SCREENS = Binding.Group("screens", compact=True)


def _history() -> Screen[None]:
    """Its charts come with modules that the first screen does not wait for."""
    from tokenguard_tui.screens.history import History

    return History()


class Dashboard(App[None]):
    """`tokenguard tui`."""

    TITLE = "tokenguard"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "now": Now,
        "models": Models,
        "history": _history,
        "budgets": BudgetsView,
        "team": Team,
        "advice": AdviceView,
    }
    DEFAULT_MODE = "now"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "switch_mode('now')", "now", group=_SCREENS, tooltip="now: what is being spent"),
        Binding(
            "2", "switch_mode('models')", "models", group=_SCREENS, tooltip="models: shares of tokens and of spending"
        ),
        Binding("3", "switch_mode('history')", "history", group=_SCREENS, tooltip="history: days, weeks, months"),
        Binding("4", "switch_mode('budgets')", "budgets", group=_SCREENS, tooltip="budgets, and what was done to them"),
        Binding("5", "switch_mode('team')", "team", group=_SCREENS, tooltip="team: quotas that people share"),
        Binding("6", "switch_mode('advice')", "advice", group=_SCREENS, tooltip="advice: what would have cost less"),
        Binding("slash", "screen.search", "search", tooltip="only lines with some text"),
        Binding("s", "start_daemon", "start the daemon", tooltip="start the daemon, while there is none"),
        Binding("question_mark", "help", "help", tooltip="all keys"),
        Binding("q", "quit", "quit", tooltip="end the dashboard; nothing else ends"),
        Binding("ctrl+q", "quit", "quit", show=False, tooltip="end the dashboard; nothing else ends"),
    ]

    def __init__(self, paths: Paths, *, now: Callable[[], datetime] = lambda: datetime.now().astimezone()) -> None:
        """`now` tells the local time."""
        super().__init__()
        self.state = State(plain=_plain())
        self._paths = paths
        self._now = now
        self._feed = Feed(paths, self._from_feed)
        self._draws = False
        self._asking = False

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Every theme has colours for levels."""
        return defaults(self.current_theme.dark)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """See `App.get_line_filters`."""
        filters = super().get_line_filters()
        return [*filters, Ascii()] if self.state.plain else filters

    def on_mount(self) -> None:
        """Begin."""
        for theme in OURS:
            self.register_theme(theme)
        self.theme = DARK.name
        self._feed.start()
        self.set_interval(_TICK_S, self._tick)
        self.set_interval(_AGAIN_S, self._refresh_status)

    def on_unmount(self) -> None:
        """End."""
        self._feed.stop()

    def draw(self) -> None:
        """Show the state on the screen in front, if it is not over."""
        if self.screen_stack and isinstance(self.screen, View):
            self.screen.show(self.state, self._now())

    def on_view_drawn(self) -> None:
        """A screen has come to the front, or has another size."""
        self.call_after_refresh(self.draw)

    def _from_feed(self) -> None:
        self.call_later(self._hear)

    def _hear(self) -> None:
        """Take what has come, and look again only after a frame: what comes meanwhile waits and is taken at once."""
        if not self._draws:
            self._draws = True
            self._take()
            self.set_timer(_FRAME_S, self._frame_over)

    def _frame_over(self) -> None:
        self._draws = False
        self._take()

    def _take(self) -> None:
        if not self.screen_stack:
            return  # it is over
        events = self._feed.take()
        for event in events:
            match event["type"]:
                case "connected":
                    self.state.away, self.state.stale = None, True
                    self._fetch_recent()
                    self.refresh_bindings()
                case "away":
                    self.state.lost(event["data"]["reason"])
                    self.refresh_bindings()
                case _:
                    self.state.heard(event)
        if self.state.stale and not self.state.away:
            self._ask_status()
        if events:
            self.draw()

    def _tick(self) -> None:
        if not self.is_headless and terminal.is_gone(_INPUT):
            self.exit()  # there would be no way out, and Textual would go on asking for keys as fast as it can
        if self.state.told is not None:
            self.draw()

    def _refresh_status(self) -> None:
        self.state.stale = True
        self._ask_status()

    def _ask_status(self) -> None:
        if not self._asking:
            self._asking = True
            self._fetch_status()

    @work(thread=True, group="status")
    def _fetch_status(self) -> None:
        told: Mapping[str, Any] | None = None
        try:
            if (daemon := client.find(self._paths)) is not None:
                told = daemon.get("/v1/status")
        except DaemonError:
            pass  # the feed notices as well, and says why
        self.call_from_thread(self._status_came, told)

    @work(thread=True, group="recent", exclusive=True)
    def _fetch_recent(self) -> None:
        try:
            if (daemon := client.find(self._paths)) is not None:
                self.call_from_thread(self._recalled, daemon.get("/v1/recent"))
        except DaemonError:
            pass  # an older daemon cannot tell

    def _recalled(self, told: Mapping[str, Any]) -> None:
        self.state.recalled(told)
        self.draw()

    def _status_came(self, told: Mapping[str, Any] | None) -> None:
        if told is not None:
            if self.state.told is None:
                self.set_timer(_SETTLED_S, self._prepare)
            self.state.status(told)
            self.draw()
        self.set_timer(_STATUS_S, self._may_ask_again)

    @work(thread=True, group="prepare")
    def _prepare(self) -> None:
        """While nobody waits, do what a key would else wait for."""
        import_module("tokenguard_tui.screens.history")
        gc.freeze()  # looking through all that stays for garbage takes longer than drawing a screen

    def _may_ask_again(self) -> None:
        self._asking = False
        if self.state.stale and not self.state.away:
            self._ask_status()

    @work(thread=True, group="acts")
    def act(self, path: str, body: object, said: str) -> None:
        """Ask the daemon for a change, and tell the person what came of it."""
        try:
            daemon = client.find(self._paths)
            if daemon is None:
                raise DaemonError("the daemon is not running", "start it with: tokenguard daemon start")
            daemon.post(path, body)
        except TokenguardError as error:
            self.call_from_thread(self.notify, str(error), severity="error")
        else:
            self.call_from_thread(self.notify, said)
            self.call_from_thread(self._refresh_status)

    async def on_models_chosen(self, message: Models.Chosen) -> None:
        """Show when a model was used."""
        from tokenguard_tui.screens.history import History

        await self.switch_mode("history")
        if isinstance(self.screen, History):
            self.screen.look_at(message.model, message.window)

    @work(thread=True, group="asked")
    def on_asked(self, message: Asked) -> None:
        """A screen has a question of its own."""
        self.call_from_thread(message.take, *fetch(self._paths, message))

    @work(thread=True, group="acts")
    def on_wanted(self, message: Wanted) -> None:
        """A screen wants something done, and to know whether it was."""
        problem = do(self._paths, message)
        self.call_from_thread(message.take, problem)
        self.call_from_thread(self._refresh_status)

    def on_question(self, message: Question) -> None:
        """A screen wants the person to decide."""
        self.push_screen(message.dialog, message.take)

    def on_sessions_opened(self, message: Sessions.Opened) -> None:
        """Show a session."""
        self.push_screen(SessionView(message.session))

    def on_session_view_left(self) -> None:
        """Back to where it was opened."""
        self.pop_screen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The daemon can be started while there is none."""
        return self.state.away is not None if action == "start_daemon" else True

    @work(thread=True, group="acts", exclusive=True)
    def action_start_daemon(self) -> None:
        """Start the daemon; the feed finds it."""
        try:
            client.ensure(self._paths, os.environ, lambda text: self.call_from_thread(self.notify, text))
        except TokenguardError as error:
            self.call_from_thread(self.notify, str(error), severity="error")

    def on_rows_copied(self, message: Rows.Copied) -> None:
        """As far as the terminal lets programs fill its clipboard."""
        self.copy_to_clipboard(message.text)
        self.notify("copied")

    def action_help(self) -> None:
        """All keys that do something here."""
        self.push_screen(Help(keys_of(self.screen.active_bindings.values())))

    def announce(self, text: str) -> None:
        """Tell the person something that they should not miss."""
        self.notify(text, timeout=3_600)

    def on_holds_answered(self, message: Holds.Answered) -> None:
        """A person has decided on a call that waits."""
        body, said = message.answer, "it is refused"
        if body["answer"] == "cheaper":
            said = "it goes on with the cheaper model"
        elif body["answer"] == "approve":
            said = f"raised by {amount}; it goes on" if (amount := body.get("amount")) else "it goes on"
        self.act(f"/v1/holds/{message.hold}", body, said)


def run(paths: Paths) -> None:
    """Show it until somebody has seen enough."""
    Dashboard(paths).run()


def once(paths: Paths, width: int) -> str:
    """What the first screen shows now, as text. Raises `DaemonError`."""
    daemon = client.find(paths)
    if daemon is None:
        raise DaemonError("the daemon is not running", "start it with: tokenguard daemon start")
    state = State(plain=_plain())
    state.status(daemon.get("/v1/status"))
    state.recalled(daemon.get("/v1/recent"))
    return text(state, datetime.now().astimezone(), width)


def _plain() -> bool:
    """Whether nothing beyond ASCII may be drawn."""
    return not (sys.stdout.encoding or "utf-8").lower().startswith("utf")
