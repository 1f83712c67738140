"""What the daemon tells, taken into the state: events frame by frame, and the status where events do not say enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textual.app import App

from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError
from tokenguard_tui.feed import Feed
from tokenguard_tui.state import State

_FRAME_S = 0.33
"""The screen changes no more often than this, however much happens."""
_STATUS_S = 1.0
"""The status is asked for no more often than this."""
_AGAIN_S = 30.0
"""The status is asked for at least this often: windows end, and rolling ones move, without an event."""
_SETTLED_S = 1.0
"""After the first status has come, there is time for what can wait."""


class Hearing:
    """Keeps the state of an app as new as the daemon's word."""

    def __init__(
        self, app: App[None], state: State, paths: Paths, draw: Callable[[], object], prepare: Callable[[], object]
    ) -> None:
        """`draw` shows the state; `prepare` is called once, when nobody waits."""
        self._app = app
        self._state = state
        self._paths = paths
        self._draw = draw
        self._prepare = prepare
        self._feed = Feed(paths, lambda: app.call_later(self._hear))
        self._draws = False
        self._asking = False

    def start(self) -> None:
        """Begin."""
        self._feed.start()
        self._app.set_interval(_AGAIN_S, self.ask_anew)

    def stop(self) -> None:
        """End."""
        self._feed.stop()

    def ask_anew(self) -> None:
        """Something may have changed of which no event tells."""
        self._state.stale = True
        self._ask_status()

    def _hear(self) -> None:
        """Take what has come, and look again only after a frame: what comes meanwhile waits and is taken at once."""
        if not self._draws:
            self._draws = True
            self._take()
            self._app.set_timer(_FRAME_S, self._frame_over)

    def _frame_over(self) -> None:
        self._draws = False
        self._take()

    def _take(self) -> None:
        if not self._app.screen_stack:
            return  # it is over
        events = self._feed.take()
        for event in events:
            match event["type"]:
                case "connected":
                    self._state.away, self._state.stale = None, True
                    self._app.run_worker(self._fetch_recent, group="recent", thread=True, exclusive=True)
                    self._app.refresh_bindings()
                case "away":
                    self._state.lost(event["data"]["reason"])
                    self._app.refresh_bindings()
                case _:
                    self._state.heard(event)
        if self._state.stale and not self._state.away:
            self._ask_status()
        if events:
            self._draw()

    def _ask_status(self) -> None:
        if not self._asking:
            self._asking = True
            self._app.run_worker(self._fetch_status, group="status", thread=True)

    def _fetch_status(self) -> None:
        """In a thread."""
        told: Mapping[str, Any] | None = None
        try:
            if (daemon := client.find(self._paths)) is not None:
                told = daemon.get("/v1/status")
        except DaemonError:
            pass  # the feed notices as well, and says why
        self._app.call_from_thread(self._status_came, told)

    def _fetch_recent(self) -> None:
        """In a thread."""
        try:
            if (daemon := client.find(self._paths)) is not None:
                self._app.call_from_thread(self._recalled, daemon.get("/v1/recent"))
        except DaemonError:
            pass  # an older daemon cannot tell

    def _recalled(self, told: Mapping[str, Any]) -> None:
        self._state.recalled(told)
        self._draw()

    def _status_came(self, told: Mapping[str, Any] | None) -> None:
        if told is not None:
            if self._state.told is None:
                self._app.set_timer(_SETTLED_S, self._prepare)
            self._state.status(told)
            self._draw()
        self._app.set_timer(_STATUS_S, self._may_ask_again)

    def _may_ask_again(self) -> None:
        self._asking = False
        if self._state.stale and not self._state.away:
            self._ask_status()
