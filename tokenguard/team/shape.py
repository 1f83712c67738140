"""What every way of sharing budgets offers, and what it may ask of the machine that it runs on."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tokenguard.records.teams import Heard, TeamBudget


class Place(Struct, frozen=True):
    """Who takes part, and where on this machine what it has to remember is kept."""

    folder: Path
    """Private, and of this team only."""
    member: str
    """Salted hash of a person's address, or the name of a role in a database."""
    machine: str
    """Of this machine, and of nobody else: two that share one would spend the same grant twice."""
    repository: Path | None = None
    """A clone that the team works in; its remotes are the ways to the team."""
    login: str = ""
    """Of a database: the part of its connection string that names the user, and where the password is."""


class Taken(Struct, frozen=True):
    """What this machine has taken in a window, in nanodollars: strict, so that what is unknown counts at its bound."""

    spent: int
    reserved: int = 0
    """For calls in flight, at their worst case."""


class Demand(Struct, frozen=True):
    """What this machine is likely to need next, in nanodollars."""

    burn: int = 0
    """What it spends in half an hour, as of late."""
    largest: int = 0
    """The worst case of one of its usual calls."""
    short: int = 0
    """What a call that waits now lacks; 0: none does."""
    parallel: int = 1
    """Calls in flight at once, as of late."""


class Own(Protocol):
    """What this machine knows of its own spending. Answers at once, from memory or from an index."""

    def taken(self, budget: TeamBudget, since_us: int, until_us: int | None) -> Taken:
        """What was taken in a window, also in one that is over."""
        ...

    def demand(self, budget: TeamBudget) -> Demand:
        """What is needed next."""
        ...


class Clock(Protocol):
    """The two clocks that a machine has."""

    def now_us(self) -> int:
        """Microseconds since the epoch, UTC. It can be wrong, and be set back."""
        ...

    def boot_s(self) -> float:
        """Seconds since the machine started, those asleep included. It never goes back."""
        ...

    @property
    def boot_id(self) -> str:
        """Changes with every start of the machine."""
        ...


class Backend(Protocol):
    """One machine's place in a team."""

    every_s: float
    """How often `sync` is worth while if nothing else asks for it."""

    @property
    def machine(self) -> str:
        """As which machine it takes part now: the copy of one has another name than it was asked to take."""
        ...

    def last(self) -> Heard | None:
        """What was heard before, also by an earlier process; what was granted then is in it only while it is safe."""
        ...

    async def sync(self, own: Own) -> Heard:
        """Report what was taken, ask for more where it runs low, and hear of the others.

        Written down locally before anybody is told, so that a crash at any moment forgets nothing that was promised.
        Ends within 10 s. Raises `TeamError` when nobody can be reached, or refuses.
        """
        ...

    async def lease(self, own: Own, amount: int) -> Heard:
        """As `sync`, and have so much more handed to this machine, in nanodollars. Raises `TeamError`."""
        ...

    async def change(self, budget: str, amount: int, reason: str) -> Heard:
        """Raise a budget's limit by so much, or lower it (below zero). Raises `TeamError` for who may not."""
        ...

    async def leave(self, own: Own) -> None:
        """Report for the last time, and give back what is left. Raises `TeamError`."""
        ...

    async def close(self) -> None:
        """Let go of connections. Changes nothing."""
        ...
