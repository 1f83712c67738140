"""A question to the daemon that is asked again and again while its screen is in front."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tokenguard_tui.asking import Answer, Asked
from tokenguard_tui.state import State


class Watch:
    """What was told last stays until something newer is. There is never more than one question on its way."""

    def __init__(
        self, path: str, every: timedelta, post: Callable[[Asked], object], changed: Callable[[], object]
    ) -> None:
        """`post` posts a message; `changed` is called once there is something new to see."""
        self.told: Answer | None = None
        self.problem = ""
        """Why there is nothing newer."""
        self._path, self._every, self._post, self._changed = path, every, post, changed
        self._asked: datetime | None = None
        self._waits = False

    def look(self, state: State, now: datetime) -> None:
        """Ask if it is time to. Call it as often as you like."""
        if state.away is not None:
            self.problem, self._asked = state.away, None
        elif not self._waits and (self._asked is None or now - self._asked >= self._every):
            self._waits, self._asked = True, now
            self._post(Asked(self._path, {}, self._take))

    def renew(self) -> None:
        """Ask with the next look: something has been changed."""
        self._asked = None

    def _take(self, told: Answer | None, problem: str) -> None:
        self._waits = False
        self.told, self.problem = told if told is not None else self.told, problem
        self._changed()
