"""Sessions that nobody ended: their `run` was killed, the machine went down, or there never was a `run`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import psutil

from tokenguard.errors import UsageError
from tokenguard.guard import Desk, Guard
from tokenguard.guard.leftovers import leftovers
from tokenguard.guard.registry import UNWRAPPED
from tokenguard.guard.unwrapped import IDLE_US
from tokenguard.ledger import Ledger, queries
from tokenguard.platforms import processes
from tokenguard.records import Session

log = logging.getLogger(__name__)

_SETTLING_IN_US = 60_000_000
"""A session younger than this may not have its `run` or its process yet."""

_SAME_PROCESS_US = 3_600_000_000
"""An agent starts with its session; a process this much younger got its number later. Wide, as clocks are set."""


class Upkeep:
    """Looks after sessions whose `run` and agent are gone."""

    def __init__(self, ledger: Ledger, guard: Guard, desk: Desk, watched: Callable[[str], bool]) -> None:
        """`watched` tells whether the `run` of a session, by its id, is connected."""
        self._ledger = ledger
        self._guard = guard
        self._desk = desk
        self._watched = watched
        self._agents: dict[str, psutil.Process] = {}
        self._began_us = guard.now()

    def running(self) -> list[Session]:
        """The sessions that were not ended, of this daemon and of those before it."""
        return [session for session in queries.running_sessions(self._ledger.read()) if session.id != UNWRAPPED]

    @property
    def needed(self) -> bool:
        """Whether a session runs for which the daemon has to be there: one of `run`, or of an agent that goes on.

        What an agent has left running is none if it makes no calls; its session is still there when it makes one.
        """
        passing = {session.id for session in queries.running_unwrapped(self._ledger.read()) if session.pid is None}
        passing |= {
            live.session.id for live in self._guard.sessions.running.all() if live.left and self._idle(live.session)
        }
        return any(session.id not in passing for session in self.running())

    async def sweep(self) -> None:
        """End the sessions that nobody is left of."""
        running, unwrapped = self.running(), {session.id for session in queries.running_unwrapped(self._ledger.read())}
        self._agents = {session.id: agent for session in running if (agent := self._agents.get(session.id))}
        for session in running:
            if session.id in unwrapped and self._idle(session):
                why = "it makes no calls any more"
            elif self._alive(session, runs_by_itself=session.id in unwrapped):
                continue
            else:
                why = "its processes are gone"
            if await self._end(session):
                log.info("session %s of %s is over: %s", session.id, session.agent, why)

    async def _end(self, session: Session) -> bool:
        """End a session, unless something is still left of it; whether it is over."""
        try:
            return not (await self._desk.end_session(session.id, None))["left"]
        except UsageError:  # only the ledger knows it: an earlier daemon had it
            if await asyncio.to_thread(leftovers, session.id, {}):
                return False
            await self._ledger.end_session(session.id, self._guard.now(), None)
            return True

    def _idle(self, session: Session) -> bool:
        """Whether a session has made no call for long."""
        live = self._guard.sessions.running.get(session.id)
        if live is not None and live.in_flight:
            return False
        last_us = live.last_us if live else max(session.started_us, self._began_us)
        return self._guard.now() - last_us >= IDLE_US

    def _alive(self, session: Session, *, runs_by_itself: bool) -> bool:
        if self._watched(session.id):
            return True
        if session.pid is None:
            return runs_by_itself or self._guard.now() - session.started_us < _SETTLING_IN_US
        agent = self._agents.get(session.id)
        if agent is None or agent.pid != session.pid:
            agent = self._agent(session.pid, session.started_us)
        if agent is None or not processes.is_alive(agent):
            return False
        self._agents[session.id] = agent
        return True

    def _agent(self, pid: int, started_us: int) -> psutil.Process | None:
        process = processes.find(pid)
        since_us = processes.started_us(process) if process else None
        return process if since_us is not None and since_us < started_us + _SAME_PROCESS_US else None
