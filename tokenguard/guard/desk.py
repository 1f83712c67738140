"""The desk: what people and programs ask of the guard besides calls. The control API speaks to it."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, suppress
from typing import Any

from tokenguard.errors import UsageError
from tokenguard.guard import prompts, showing, steering, view
from tokenguard.guard.crossing import Guard
from tokenguard.guard.granting import RECENT, Grants
from tokenguard.guard.holds import Holds
from tokenguard.guard.registry import UNWRAPPED, Live
from tokenguard.guard.sessions import OpenSession
from tokenguard.guard.steering import Deed
from tokenguard.ledger import Ledger, queries
from tokenguard.platforms import processes
from tokenguard.policy.budgets import Standing
from tokenguard.records import Budget, Event, Session
from tokenguard.wire.official_claude import read_status_line

_MOMENT_S = 0.1


class Desk:
    """Sessions, budgets and what is being spent now."""

    def __init__(self, guard: Guard, ledger: Ledger) -> None:
        self._guard = guard
        self._ledger = ledger
        self.grants = Grants(guard, ledger)
        """What people give of budgets."""
        self._recalled: tuple[Budget, ...] | None = None
        """The configured budgets for which it was looked what was spent before."""

    def status(self) -> dict[str, Any]:
        """Totals, sessions, budgets and holds, as `tokenguard status --json` shows them."""
        guard = self._guard
        running = guard.sessions.running.all()
        books, standings = guard.counting.books, guard.counting.standings
        if self._recalled is not guard.config.budgets:
            self._recalled = guard.config.budgets
            standings.recall(queries.recent_sessions(self._ledger.read(), RECENT))
        return {
            "totals": showing.lately(self._ledger.read(), guard.now()),
            "sessions": [
                view.session_view(live, books.reserved_nanos(live.session.id), _state(live, guard.holds))
                for live in running
                if live.session.id != UNWRAPPED or live.totals.calls
            ],
            "budgets": [
                showing.budget_view(standing)
                for standing in standings.in_force(live.session for live in running)
                if standing.slot.key != UNWRAPPED or standing.spent or standing.reserved
            ],
            "ledger": view.ledger_view(self._ledger),
            "windows": [showing.window_view(window) for window in guard.official.all()],
            "holds": [view.hold_view(hold) for hold in guard.holds],
        }

    async def open_session(self, asked: OpenSession) -> tuple[Session, str]:
        """Begin a session; also its token. Raises `ConfigError`, `UsageError` or `LedgerError`."""
        live, token = await self._guard.sessions.open(asked)
        self._guard.tell("session.started", view.session_view(live, 0))
        return live.session, token

    async def session(self, session_id: str) -> dict[str, Any] | None:
        """A session that runs, what counts for it, and its processes; None if it does not run."""
        guard = self._guard
        live = guard.sessions.running.get(session_id)
        if live is None:
            return None
        reserved = guard.counting.books.reserved_nanos(session_id)
        return {
            "session": view.session_view(live, reserved, _state(live, guard.holds)),
            "budgets": [showing.budget_view(standing) for standing in guard.counting.standings.ahead([live.session])],
            "processes": await steering.told(live),
            "at_us": guard.now(),
        }

    async def steer(self, session_id: str, deed: Deed, pid: int, started_us: int) -> int:
        """Pause, resume or stop a session's processes; how many were reached. Raises `UsageError`.

        `pid` and `started_us` name the agent's process as the person saw it.
        """
        live = self._guard.sessions.running.get(session_id)
        if live is None:
            raise UsageError(f"no session {session_id} is running", "see tokenguard status")
        reached = await steering.do(live, deed, pid, started_us)
        self._guard.tell("session.steered", {"id": session_id, "deed": deed, "who": getpass.getuser()})
        return reached

    def set_pid(self, session_id: str, pid: int) -> None:
        """Note which process the agent of a session is."""
        self._guard.sessions.set_pid(session_id, pid)

    def turn_ended(self, session_id: str) -> None:
        """Note that the agent of a session waits for its person, until it calls again. Raises `UsageError`."""
        guard = self._guard
        live = guard.sessions.running.get(session_id)
        if live is None:
            raise UsageError(f"no session {session_id} is running", "see tokenguard status")
        live.your_turn = True
        guard.tell("session.turn-ended", {"id": session_id, "agent": live.session.agent, "repo": live.session.repo})

    async def end_session(self, session_id: str, exit_code: int | None) -> dict[str, Any]:
        """The agent of a session has ended; what it was and what it cost. Raises `UsageError` if it does not run.

        The session ends with it, or once nothing is left running of it.
        """
        guard = self._guard
        await guard.counting.tally.written()
        budgets = guard.counting.standings.ahead([guard.sessions.of(session_id).session])
        told_before = bool(guard.sessions.of(session_id).left)
        guard.asking.gone(session_id)
        live = await guard.sessions.end(session_id, exit_code)
        written = self._ledger.failing is None
        inner = guard.sessions.within(session_id)
        summary = view.summary_view(self._ledger.read(), live, budgets, inner, written=written)
        if not live.left:
            guard.forget(session_id)
            guard.tell("session.ended", {**summary, "exit_code": live.session.exit_code or exit_code})
        elif not told_before:
            guard.tell("session.left", {**summary, "exit_code": exit_code})
        return summary

    def official(self, rate_limits: bytes) -> None:
        """Take note of what Claude Code's status line was told of official windows, as JSON."""
        guard = self._guard
        for window in guard.official.hear(read_status_line(rate_limits, guard.now())):
            guard.tell("official.window", showing.window_view(window))

    async def written(self) -> None:
        """Wait until the sums that `status` tells have in them what was charged so far, but no longer than a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT_S):
                await self._guard.counting.tally.written()

    def runs(self) -> list[str]:
        """The sessions of `run` whose agent still runs."""
        return [
            live.session.id
            for live in self._guard.sessions.running.all()
            if live.token_hash is not None and not live.left
        ]

    def refused_prompt(self, session_id: str) -> tuple[Standing, int] | None:
        """The standing that refuses whatever a session asks for, and until when that is known for sure.

        In microseconds; 0 is until something changes. None if its next prompt may begin.
        """
        live = self._guard.sessions.running.get(session_id)
        return None if live is None else prompts.refused(self._guard.counting.standings, live, self._guard.now())

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        """The events of these types, or all of them, from now on."""
        return self._guard.hub.subscribe(*types)


def _state(live: Live, holds: Holds) -> str:
    """What a session does now."""
    if live.left:
        return "ended"
    if holds.of_session(live.session.id):
        return "waiting"
    suspended = live.session.pid is not None and processes.is_stopped(live.session.pid)
    return "suspended" if suspended else "running"
