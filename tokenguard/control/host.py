"""What the control API asks of the daemon around the guard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tokenguard.importing.importer import Progress, Tell
from tokenguard.prices import Catalogue
from tokenguard.records import Budget


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
