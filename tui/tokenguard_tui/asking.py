"""Questions to the daemon that only one screen has, asked again for as long as that screen is in front."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from textual.message import Message

from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError
from tokenguard_tui.state import State

_AGAIN = timedelta(seconds=5)
"""Sums that have changed are asked for no more often than this."""
_AT_LEAST = timedelta(seconds=60)
"""They are asked for at least this often: hours and days end without an event."""

Answer = Mapping[str, Any]


class Asked(Message):
    """A screen wants to know something; the app asks, and calls `take` with the answer, or with None and why."""

    def __init__(self, path: str, query: Mapping[str, str], take: Callable[[Answer | None, str], object]) -> None:
        super().__init__()
        self.path, self.query, self.take = path, query, take


def fetch(paths: Paths, asked: Asked) -> tuple[Answer | None, str]:
    """What `Asked.take` takes. Blocks."""
    try:
        daemon = client.find(paths)
        if daemon is None:
            return None, "the daemon is not running"
        return daemon.get(asked.path, asked.query), ""
    except DaemonError as error:
        if "not found" in error.message:
            return None, "the daemon is older than this dashboard: tokenguard daemon restart"
        return None, error.message


class Inquiry:
    """One question of a screen. The last answer stays while a newer one, or one to another question, is on its way."""

    def __init__(self, path: str, post: Callable[[Asked], object], changed: Callable[[], object]) -> None:
        """`post` posts a message; `changed` is called once there is something new to see."""
        self.told: Answer | None = None
        self.of: Mapping[str, str] = {}
        """What was asked to be told that."""
        self.problem = ""
        """Why there is no newer answer."""
        self._path, self._post, self._changed = path, post, changed
        self._query: Mapping[str, str] | None = None
        self._at: datetime | None = None
        self._sums: object = None

    def want(self, query: Mapping[str, str], state: State, now: datetime) -> None:
        """Ask, if this is another question, or if it is time to ask again. Call it as often as you like."""
        if state.away is not None:
            self._query = None  # to be asked once the daemon is back
            self.problem = state.away
            return
        if query == self._query and self._at is not None:
            since = now - self._at
            if since < _AGAIN or (state.told is self._sums and since < _AT_LEAST):
                return
        self._query, self._at, self._sums = dict(query), now, state.told
        asked = self._query
        self._post(Asked(self._path, asked, lambda told, why: self._take(asked, told, why)))

    def _take(self, asked: Mapping[str, str], told: Answer | None, problem: str) -> None:
        if asked is not self._query:
            return  # the question has changed since
        if told is not None:
            self.told, self.of = told, asked
        self.problem = problem
        self._changed()
