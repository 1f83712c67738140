"""Teams in a database, machines in them, and what a machine has spent, said by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tests.support.postgres import Server, rows
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import Heard, TeamBudget, TeamPolicy
from tokenguard.team.postgres import admin
from tokenguard.team.postgres.book import Book
from tokenguard.team.postgres.connecting import Row, connected
from tokenguard.team.postgres.machine import Machine
from tokenguard.team.postgres.schema import set_up
from tokenguard.team.shape import Demand, Place, Taken

MONTH = TeamBudget("month", 100 * NANOS)
NOW_US = 1_795_000_000_000_000


class Books:
    """What a machine has spent: (instant, amount) pairs, and what is set aside for calls in flight."""

    def __init__(self, now_us: int = NOW_US) -> None:
        self.now_us = now_us
        self.calls: list[tuple[int, int]] = []
        self.reserved = 0
        self.needs = Demand()

    def spend(self, amount: int, at_us: int = 0) -> None:
        """Now, or at another instant."""
        self.calls.append((at_us or self.now_us, amount))

    def taken(self, budget: TeamBudget, since_us: int, until_us: int | None) -> Taken:
        spent = sum(
            amount for at_us, amount in self.calls if since_us <= at_us and (until_us is None or at_us < until_us)
        )
        return Taken(spent, self.reserved)

    def demand(self, budget: TeamBudget) -> Demand:
        return self.needs


class Clock:
    """Both clocks of a machine, as the test has them."""

    def __init__(self, now_us: int = NOW_US) -> None:
        self.us = now_us
        self.s = 1_000.0
        self.boot_id = "boot-1"

    def now_us(self) -> int:
        return self.us

    def boot_s(self) -> float:
        return self.s


@cache
def _database(server: Server, functions: bool) -> tuple[str, str]:
    """A database with the schema: its name, and its owner's connection string."""
    name = "with_functions" if functions else "without_functions"
    dsn = server.database(name)
    with rows(dsn) as connection:
        set_up(connection, functions=functions)
    return name, dsn


class Team:
    """One team, in a database that is emptied for it."""

    def __init__(self, server: Server, folder: Path, *, functions: bool = True) -> None:
        self.server = server
        self.functions = functions
        self._folder = folder
        self._processes: dict[Path, Machine] = {}
        self._database, self.dsn = _database(server, functions)
        self.ask("TRUNCATE tokenguard.team, tokenguard.entry RESTART IDENTITY CASCADE")
        self.policy = TeamPolicy("web", backend="postgres", mode="leases")

    def budgets(
        self, *budgets: TeamBudget, organisation: str = "", ttl_s: int = 3600, keep_s: int | None = None
    ) -> None:
        """The team's budgets; the first call creates it."""
        self.policy = replace(self.policy, budgets=budgets)
        admin.create_team(self.dsn, self.policy, organisation, ttl_s=ttl_s, keep_s=keep_s)

    def member(self, login: str, limit: int | None = None, *, admin_: bool = False) -> None:
        admin.add_member(self.dsn, self.policy.name, login, limit, admin=admin_)

    def way(self, login: str) -> str:
        return self.server.way(self._database, login)

    def machine(
        self,
        login: str,
        clock: Clock,
        *,
        name: str = "laptop",
        joined: str = "",
        repository: str = "",
        host: str = "",
        port: int = 0,
    ) -> Machine:
        """A machine, or the next process on the same one; by another way to the server, if one is given.

        `name` is that of its folder, too; it may have been asked to take part as another one.
        """
        where = f"host={host or self._host} port={port or self.server.port} dbname={self._database}"
        policy = replace(self.policy, database=where, repository=repository)
        place = Place(self._of(login, name), login, joined or name, login=f"user={login}")
        if former := self._processes.pop(place.folder, None):
            # Its process has ended, and with it what it had locked; nothing is waited for.
            with suppress(StopIteration):
                former.close().send(None)
        self._processes[place.folder] = machine = Machine(policy, place, clock, functions=self.functions)
        return machine

    def book(self, login: str, name: str = "laptop") -> Book:
        """What a machine has written down; who writes there reckons with the next process."""
        return Book(self._of(login, name))

    def now_us(self) -> int:
        """The server's clock."""
        return int(self.ask("SELECT (extract(epoch FROM now()) * 1000000)::bigint AS now")[0]["now"])

    def ask(self, query: str, *values: object) -> list[dict[str, Any]]:
        """As the owner of everything."""
        with rows(self.dsn) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def step(self, login: str, name: str, **values: object) -> list[Row]:
        """A step as a member takes it."""
        async with connected(self.way(login), functions=self.functions) as session:
            return await session.run(name, **values)

    async def enter(self, login: str, *remembered: str, machine: str = "m") -> None:
        """A visit of a machine that remembers these leases. Its first one is `t0`, and the next `t1`."""
        (now,) = self.ask(
            "SELECT coalesce(max(visits), 0) AS visits, coalesce(max(token), '') AS token FROM tokenguard.machine"
            " WHERE member = %s AND name = %s",
            login,
            machine,
        )
        values = {"visits": now["visits"], "known": [now["token"]], "token": f"t{now['visits']}"}
        (answer,) = await self.step(
            login, "visit", team=self.policy.name, machine=machine, open=list(remembered), **values
        )
        assert answer["yours"]

    async def steps(self, login: str, name: str, calls: Sequence[dict[str, object]]) -> list[list[Row]]:
        """The same step many times at once, each on a connection of its own."""
        return await asyncio.gather(*(self.step(login, name, **values) for values in calls))

    def period(self, budget: str = "month") -> dict[str, Any]:
        """The figures of a budget now."""
        (row,) = self.ask(
            "SELECT p.* FROM tokenguard.period p JOIN tokenguard.budget b ON b.id = p.budget_id"
            " WHERE b.name = %s AND p.starts_at <= now() AND (p.ends_at IS NULL OR now() < p.ends_at)",
            budget,
        )
        return row

    def lapse(self, login: str = "") -> None:
        """Let the time of leases be over, of one member or of all."""
        self.ask(
            "UPDATE tokenguard.lease SET expires_at = now() - INTERVAL '1 second'"
            " WHERE state = 'live' AND %s IN ('', member)",
            login,
        )

    def audit(self) -> list[tuple[str, str]]:
        return admin.audit(self.dsn)

    def _of(self, login: str, name: str) -> Path:
        return self._folder / f"{login}-{name}"

    @property
    def _host(self) -> str:
        return str(self.way("x").split()[0].removeprefix("host="))


def room(heard: Heard, books: Books, budget: str = "month") -> int:
    """What a guard would let begin."""
    (share,) = [share for share in heard.shares if share.budget.name == budget]
    taken = books.taken(share.budget, share.since_us, share.until_us)
    return (share.granted or 0) - taken.spent - taken.reserved
