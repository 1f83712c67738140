"""The application: owns the state, hears what the feed brings, and asks the daemon for what people want."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from typing import ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import TokenguardError
from tokenguard_tui import terminal
from tokenguard_tui.ascii import Ascii
from tokenguard_tui.asking import Asked, fetch
from tokenguard_tui.doing import Question, Wanted, do
from tokenguard_tui.hearing import Hearing
from tokenguard_tui.modes import KEYS, MODES
from tokenguard_tui.screens.help import Help, keys_of
from tokenguard_tui.screens.models import Models
from tokenguard_tui.screens.session import SessionView
from tokenguard_tui.screens.view import View
from tokenguard_tui.state import State
from tokenguard_tui.themes import DARK, OURS, defaults
from tokenguard_tui.widgets.holds import Holds
from tokenguard_tui.widgets.rows import Rows
from tokenguard_tui.widgets.sessions import Sessions

_TICK_S = 1.0
"""For times that count down."""
_INPUT = 0
"""The descriptor from which keys come."""


class Dashboard(App[None]):
    """`tokenguard tui`."""

    TITLE = "tokenguard"
    MODES = MODES
    DEFAULT_MODE = "now"
    BINDINGS: ClassVar[list[BindingType]] = [
        *KEYS,
        Binding("slash", "screen.search", "search", tooltip="only lines with some text"),
        Binding("s", "start_daemon", "start the daemon", tooltip="start the daemon, while there is none"),
        Binding("question_mark", "help", "help", tooltip="all keys"),
        Binding("q", "quit", "quit", tooltip="end the dashboard; nothing else ends"),
        Binding("ctrl+q", "quit", "quit", show=False, tooltip="end the dashboard; nothing else ends"),
    ]

    def __init__(self, paths: Paths, *, now: Callable[[], datetime] = lambda: datetime.now().astimezone()) -> None:
        """`now` tells the local time."""
        super().__init__()
        self.state = State(plain=terminal.is_plain())
        self._paths = paths
        self._now = now
        self.hearing = Hearing(self, self.state, paths, self.draw, self._prepare)

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
        self.hearing.start()
        self.set_interval(_TICK_S, self._tick)

    def on_unmount(self) -> None:
        """End."""
        self.hearing.stop()

    def draw(self) -> None:
        """Show the state on the screen in front, if it is not over: while it ends, screens lose what is on them."""
        if self.is_running and self.screen_stack and isinstance(self.screen, View):
            self.screen.show(self.state, self._now())

    def on_view_drawn(self) -> None:
        """A screen has come to the front, or has another size."""
        self.call_after_refresh(self.draw)

    def _tick(self) -> None:
        if not self.is_headless and terminal.is_gone(_INPUT):
            self.exit()  # there would be no way out, and Textual would go on asking for keys as fast as it can
        if self.state.told is not None:
            self.draw()

    @work(thread=True, group="prepare")
    def _prepare(self) -> None:
        """While nobody waits, do what a key would else wait for."""
        import_module("tokenguard_tui.screens.history")
        gc.freeze()  # looking through all that stays for garbage takes longer than drawing a screen

    @work(thread=True, group="acts")
    def act(self, path: str, body: object, said: str) -> None:
        """Ask the daemon for a change, and tell the person what came of it."""
        if problem := do(self._paths, path, body):
            self.call_from_thread(self.notify, problem, severity="error")
        else:
            self.call_from_thread(self.notify, said)
            self.call_from_thread(self.hearing.ask_anew)

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
        problem = do(self._paths, message.path, message.body)
        self.call_from_thread(message.take, problem)
        self.call_from_thread(self.hearing.ask_anew)

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
