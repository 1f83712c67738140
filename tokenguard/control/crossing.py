"""What the control API asks of the parts that it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from tokenguard.guard import AskForMore, Deed, OpenSession
from tokenguard.importing.importer import Progress, Tell
from tokenguard.prices import Catalogue
from tokenguard.records import Budget, Event, Session


class Guard(Protocol):
    """The guard, as those see it who look after sessions and budgets."""

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

    def official(self, rate_limits: bytes) -> None:
        """Take note of what Claude Code's status line was told of official windows, as JSON; odd parts say nothing."""
        ...

    async def raise_budget(self, name: str, amount: str, reason: str, ttl: str | None) -> dict[str, Any]:
        """Raise a budget for a while; how it stands then."""
        ...


class Teams(Protocol):
    """The teams that share budgets with this machine."""

    def view(self) -> dict[str, Any]:
        """All of them, as they stand."""
        ...

    async def sync(self, name: str | None) -> None:
        """Hear of one, or of all. Raises `TeamError` or `UsageError`, as all that follow."""
        ...

    async def lease(self, name: str | None, amount: str) -> None:
        """Have so much more handed to this machine."""
        ...

    async def change(self, name: str | None, budget: str, amount: str, reason: str) -> None:
        """Raise a limit, or lower it."""
        ...

    async def leave(self, name: str) -> None:
        """Report for the last time, and give back what is left."""
        ...

    def reload(self) -> None:
        """Which teams there are has changed. Raises `ConfigError`."""
        ...


class Settings(Protocol):
    """What is configured, and the prices."""

    @property
    def catalogue(self) -> Catalogue:
        """The prices in force."""
        ...

    @property
    def budgets(self) -> list[tuple[Budget, bool]]:
        """Those that the user has set, and whether they can be changed by the program."""
        ...

    def set_budget(self, table: dict[str, Any], *, new: bool) -> None:
        """Write a budget in place of that of its name; a `new` one takes nobody's place.

        Raises `UsageError` for what is no budget, or is written by hand, or `ConfigError`.
        """
        ...

    def remove_budget(self, name: str) -> None:
        """Raises `UsageError` if there is none that can be removed, or `ConfigError`."""
        ...

    def reload(self) -> None:
        """Read the configuration again. Raises `ConfigError`, and then the old one stays."""
        ...


class Life(Protocol):
    """How long the daemon lives."""

    @property
    def uptime_s(self) -> float: ...

    @property
    def stopping(self) -> bool:
        """Whether it only lets calls in flight end."""
        ...

    @property
    def idle(self) -> bool:
        """Whether there is neither a call nor a session."""
        ...

    def touch(self) -> None:
        """Take note that somebody needs the daemon."""
        ...

    def stop(self, *, now: bool) -> None:
        """Begin to end, and return; `now` does not wait for calls in flight."""
        ...


class Host(Protocol):
    """The daemon around the guard."""

    @property
    def port(self) -> int:
        """Of the data path, on loopback."""
        ...

    @property
    def teams(self) -> Teams: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def life(self) -> Life: ...

    def intercepted(self, session_id: str) -> dict[str, Any]:
        """A session is over: what `Account` holds of the connections that came to its proxy."""
        ...

    @property
    def logs(self) -> dict[str, Any]:
        """How far agents' logs have been read: `logs` in `tokenguard status --json`."""
        ...

    async def import_logs(
        self, env: Mapping[str, str], home: Path, agents: tuple[str, ...] | None, full: bool, tell: Tell
    ) -> Progress:
        """Read what agents have left at these places. Raises `TokenguardError`."""
        ...

    @property
    def metrics(self) -> tuple[str, str]:
        """What is told to monitoring: the text and its content type."""
        ...
