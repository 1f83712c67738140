"""Sessions that nobody ended: their `run` was killed, or the machine went down."""

from __future__ import annotations

import logging
from collections.abc import Callable

import psutil

from tokenguard.errors import UsageError
from tokenguard.guard import Desk, Guard
from tokenguard.guard.registry import UNWRAPPED
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

    def running(self) -> list[Session]:
        """The sessions that were not ended, of this daemon and of those before it."""
        return [session for session in queries.running_sessions(self._ledger.read()) if session.id != UNWRAPPED]

    async def sweep(self) -> None:
        """End the sessions that nobody is left of."""
        running = self.running()
        self._agents = {session.id: agent for session in running if (agent := self._agents.get(session.id))}
        for session in running:
            if self._alive(session):
                continue
            log.info("session %s of %s is over: its processes are gone", session.id, session.agent)
            try:
                await self._desk.end_session(session.id, None)
            except UsageError:  # only the ledger knows it: an earlier daemon had it
                await self._ledger.end_session(session.id, self._guard.now(), None)

    def _alive(self, session: Session) -> bool:
        if self._watched(session.id):
            return True
        if session.pid is None:
            return self._guard.now() - session.started_us < _SETTLING_IN_US
        agent = self._agents.get(session.id) or self._agent(session.pid, session.started_us)
        if agent is None or not processes.is_alive(agent):
            return False
        self._agents[session.id] = agent
        return True

    def _agent(self, pid: int, started_us: int) -> psutil.Process | None:
        process = processes.find(pid)
        since_us = processes.started_us(process) if process else None
        return process if since_us is not None and since_us < started_us + _SAME_PROCESS_US else None
