"""What the control API asks of the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from tokenguard.guard import AskForMore, Deed, OpenSession
from tokenguard.records import Event, Session


class Grants(Protocol):
    """What people give of budgets."""

    async def release_landing(self, name: str, reason: str) -> dict[str, Any]:
        """Give out what a budget keeps for landing; how it stands then."""
        ...

    async def answer_hold(self, hold_id: str, *, answer: str, amount: str | None, reason: str | None) -> dict[str, Any]:
        """Let a call that waits go on, the budget raised by `amount` if it is given, or refuse it.

        `answer` is `approve`, `cheaper` (with the next model down) or `deny`. Raises `UsageError` if no such call
        waits, or if there is no cheaper model.
        """
        ...

    async def ask_for_more(self, asked: AskForMore) -> dict[str, Any]:
        """An agent asks a person for more of a budget: its request, and the answer, if there is one in time."""
        ...

    async def raise_budget(self, name: str, amount: str, reason: str, ttl: str | None) -> dict[str, Any]:
        """Raise a budget for a while; how it stands then."""
        ...


class Guard(Protocol):
    """The guard, as those see it who look after sessions and budgets."""

    @property
    def grants(self) -> Grants: ...

    def status(self) -> dict[str, Any]:
        """Totals, sessions, budgets and holds, as `tokenguard status --json` shows them."""
        ...

    async def open_session(self, asked: OpenSession) -> tuple[Session, str]:
        """Begin a session; also its token."""
        ...

    async def session(self, session_id: str) -> dict[str, Any] | None:
        """A session that runs, what counts for it, and its processes; None if it does not run."""
        ...

    async def steer(self, session_id: str, deed: Deed, pid: int, started_us: int) -> int:
        """Pause, resume or stop its processes; how many were reached. Raises `UsageError`.

        `pid` and `started_us` name the agent's process as the person saw it.
        """
        ...

    def set_pid(self, session_id: str, pid: int) -> None:
        """Note which process the agent of a session is."""
        ...

    def turn_ended(self, session_id: str) -> None:
        """Note that the agent of a session waits for its person."""
        ...

    async def end_session(self, session_id: str, exit_code: int | None) -> dict[str, Any]:
        """End a session; what it was and what it cost."""
        ...

    def subscribe(self, *types: str) -> AbstractContextManager[AsyncIterator[Event]]:
        """The events of these types, or all of them, from now on."""
        ...

    def official(self, rate_limits: bytes) -> None:
        """Take note of what Claude Code's status line was told of official windows, as JSON; odd parts say nothing."""
        ...
