"""The desk: what people and programs ask of the guard besides calls. The control API speaks to it."""

from __future__ import annotations

import getpass
import re
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Any

from tokenguard.errors import UsageError
from tokenguard.guard import view
from tokenguard.guard.crossing import Guard
from tokenguard.guard.registry import UNWRAPPED
from tokenguard.guard.sessions import OpenSession
from tokenguard.ledger import Ledger
from tokenguard.records import Event, Session

_TTL = re.compile(r"(\d+)\s*([mhd])")
_TTL_UNITS = {"m": 60, "h": 3600, "d": 86400}


class Desk:
    """Sessions, budgets and what is being spent now."""

    def __init__(self, guard: Guard, ledger: Ledger) -> None:
        self._guard = guard
        self._ledger = ledger

    def status(self) -> dict[str, Any]:
        """Totals, sessions, budgets and holds, as `tokenguard status --json` shows them."""
        guard = self._guard
        running = guard.sessions.running.all()
        books = guard.counting.books
        return {
            "totals": view.lately(self._ledger.read(), guard.now()),
            "sessions": [
                view.session_view(live, books.reserved_nanos(live.session.id))
                for live in running
                if live.session.id != UNWRAPPED or live.totals.calls
            ],
            "budgets": [
                view.budget_view(standing) for standing in guard.counting.in_force(live.session for live in running)
            ],
            "holds": [],
        }

    async def open_session(self, asked: OpenSession) -> tuple[Session, str]:
        """Begin a session; also its token. Raises `ConfigError`, `UsageError` or `LedgerError`."""
        live, token = await self._guard.sessions.open(asked)
        self._guard.tell("session.started", view.session_view(live, 0))
        return live.session, token

    def set_pid(self, session_id: str, pid: int) -> None:
        """Note which process the agent of a session is."""
        self._guard.sessions.set_pid(session_id, pid)

    async def end_session(self, session_id: str, exit_code: int | None) -> dict[str, Any]:
        """End a session; what it was and what it cost. Raises `UsageError` if it does not run."""
        guard = self._guard
        await guard.counting.written()
        budgets = guard.counting.ahead([guard.sessions.of(session_id).session])
        live = await guard.sessions.end(session_id, exit_code)
        guard.forget(session_id)
        summary = view.summary_view(self._ledger.read(), live, budgets)
        guard.tell("session.ended", {**summary, "exit_code": exit_code})
        return summary

    async def raise_budget(self, name: str, amount: str, reason: str, ttl: str | None) -> dict[str, Any]:
        """Raise a budget until its window ends, or for `ttl` (`30m`, `4h`, `2d`). Raises `UsageError`."""
        if not reason.strip():
            raise UsageError("a raise needs a reason", "add --reason WHY")
        running = [live.session for live in self._guard.sessions.running.all()]
        slot = self._guard.counting.find(name, running)
        standing = await self._guard.counting.raise_limit(
            slot, amount, reason=reason, who=getpass.getuser(), ttl_us=_ttl_us(ttl)
        )
        told = view.budget_view(standing)
        self._guard.tell("budget.raised", told)
        return told

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        """The events of these types, or all of them, from now on."""
        return self._guard.hub.subscribe(*types)


def _ttl_us(text: str | None) -> int | None:
    if text is None:
        return None
    found = _TTL.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise UsageError(f'"{text}" is not a time', "use 30m, 4h or 2d")
    return int(found[1]) * _TTL_UNITS[found[2]] * 1_000_000
