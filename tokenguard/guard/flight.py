"""The calls in flight: from the moment at which they are let through to that at which they are settled."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from tokenguard.guard.registry import Live
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.telling import told_of
from tokenguard.records import Call


class Flight:
    """The calls in flight, and what is found out about each while it is."""

    def __init__(self, sessions: Sessions, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self._sessions = sessions
        self._tell = tell
        self._calls: dict[int, Call] = {}
        self.paid: dict[int, str] = {}
        """Who pays for calls of which that was expected otherwise."""
        self.unguarded: set[int] = set()
        """Calls that went on though they could not be reserved."""

    def __len__(self) -> int:
        return len(self._calls)

    def calls(self) -> Collection[Call]:
        """All of them."""
        return self._calls.values()

    def start(self, call: Call) -> None:
        """A call is let through."""
        live = self._sessions.of(call.session)
        self._calls[call.id] = call
        live.in_flight += 1
        live.last_us = call.started_us
        live.your_turn = False
        self._tell("call.started", told_of(call))

    def end(self, call: Call) -> Live | None:
        """A call is not in flight any more; its session, if that still runs."""
        was_in_flight = self._calls.pop(call.id, None) is not None
        # An answer that was read on without its client can end after the session.
        live = self._sessions.running.get(call.session)
        if live is not None:
            live.in_flight = max(0, live.in_flight - was_in_flight)
        return live
