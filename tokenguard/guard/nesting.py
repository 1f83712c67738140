"""Runs within runs: in which session one was started, and whose budgets it meets."""

from __future__ import annotations

import asyncio

from tokenguard.attribution.processes import lineage
from tokenguard.errors import UsageError
from tokenguard.guard.own_budgets import own_budgets
from tokenguard.guard.registry import UNWRAPPED, Outer, Registry
from tokenguard.ledger import Ledger, queries
from tokenguard.records import Session

DEEPEST = 8
"""Runs within each other, at most: an agent that starts itself again must come to an end."""


class Nesting:
    """Of the sessions that run, and of those that the ledger knows."""

    def __init__(self, ledger: Ledger, running: Registry) -> None:
        self._ledger = ledger
        self._running = running

    async def outer(self, parent: str | None, run_pid: int | None) -> str | None:
        """The session in which `run` was started: by its environment, else by the processes that it comes from."""
        named = self._parent(parent)
        if named is not None or run_pid is None:
            return named
        ancestors = await asyncio.to_thread(lineage, run_pid)
        live = self._running.around(process.pid for process in ancestors)
        return self._parent(live.session.id) if live is not None else None

    def _parent(self, session_id: str | None) -> str | None:
        """The session in which another one may begin; None if it does not run. Raises `UsageError` if it is too deep.

        A session is the child of one that was there before it: there are no circles.
        """
        outer = self._known_as(session_id) if session_id not in (None, UNWRAPPED) else None
        if outer is None or outer.ended_us is not None:
            return None
        if len(self.above(outer)) + 1 >= DEEPEST:
            raise UsageError(
                f"this is a run within {DEEPEST} others",
                "start it from a shell of your own, without TOKENGUARD_SESSION",
            )
        return outer.id

    def _known_as(self, session_id: str) -> Session | None:
        live = self._running.get(session_id)
        return live.session if live else next(iter(queries.sessions(self._ledger.read(), [session_id])), None)

    def above(self, session: Session) -> tuple[Outer, ...]:
        """The sessions in which one was started, the nearest first, with the budgets of their runs."""
        found: list[Outer] = []
        while session.parent is not None and len(found) < DEEPEST:
            outer = self._known_as(session.parent)
            if outer is None:
                break
            live = self._running.get(outer.id)
            budgets = live.budgets if live else own_budgets(outer)
            found.append(Outer(outer.id, tuple(budget for budget in budgets if budget.scope == "session")))
            session = outer
        return tuple(found)
