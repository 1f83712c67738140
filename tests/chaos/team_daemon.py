"""What of a daemon matters to its team, in a process of its own: books that survive, leases, calls, and a wrong clock.

It calls a provider as the guard would: within what was granted, in the window, reserved on the disk at its worst case
before anything is sent. What it says to the database is sent twice, again much later, or torn off.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from msgspec import Struct

from tokenguard.errors import TeamError
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import Heard, TeamBudget, TeamPolicy
from tokenguard.team.postgres import connecting
from tokenguard.team.postgres.book import Book
from tokenguard.team.postgres.machine import Machine
from tokenguard.team.shape import Demand, Place, Taken

WORST = NANOS // 4
"""What a call can cost; it costs 60% of it and more."""

WORKERS = 3
DAY_US = 86_400_000_000


class Setup(Struct, frozen=True):
    """What a daemon is started with."""

    folder: Path
    """Its own, and of its name; a copy has the login of the first one."""
    policy: TeamPolicy
    login: str
    provider: int
    """Port."""
    seed: int
    twice: float = 0.2
    """Of what is said to the database, how much is said twice."""
    late: float = 0.05
    """...is said again, at any time after."""
    torn: float = 0.05
    """...is torn off, before or after it was done."""


class Books:
    """Calls on the disk. What a former process left open counts at its worst case, for ever."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, at_us INT, amount INT, state TEXT)"
        )
        self._file.execute("UPDATE calls SET state = 'presumed' WHERE state = 'open'")
        self.waiting = 0
        self.room = 0

    def reserve(self, at_us: int) -> int:
        made = self._file.execute("INSERT INTO calls (at_us, amount, state) VALUES (?, ?, 'open')", (at_us, WORST))
        return made.lastrowid or 0

    def settle(self, call: int, cost: int) -> None:
        self._file.execute("UPDATE calls SET amount = ?, state = 'settled' WHERE id = ?", (cost, call))

    def taken(self, budget: TeamBudget, since_us: int, until_us: int | None) -> Taken:
        (spent, reserved) = self._file.execute(
            "SELECT coalesce(sum(CASE WHEN state = 'open' THEN 0 ELSE amount END), 0),"
            " coalesce(sum(CASE WHEN state = 'open' THEN amount ELSE 0 END), 0)"
            " FROM calls WHERE at_us >= ? AND at_us < ?",
            (since_us, until_us or 1 << 62),
        ).fetchone()
        return Taken(spent, reserved)

    def demand(self, budget: TeamBudget) -> Demand:
        short = max(0, WORST - max(0, self.room)) if self.waiting else 0
        return Demand(burn=4 * WORST, largest=WORST, short=short, parallel=WORKERS)


class WrongClock:
    """It is hours off, and sometimes days. The other one is right, but begins anew with the machine."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._off_us = 0
        self._from_s = 0.0 if rng.random() < 0.8 else rng.uniform(-1e6, time.monotonic())
        self.boot_id = f"boot {self._from_s}"
        self.step()

    def step(self) -> None:
        days = self._rng.choice((-3, 3)) if self._rng.random() < 0.15 else 0
        self._off_us = days * DAY_US + self._rng.randrange(-3_600_000_000, 3_600_000_000)

    def now_us(self) -> int:
        return time.time_ns() // 1_000 + self._off_us

    def boot_s(self) -> float:
        return time.monotonic() - self._from_s


class Daemon:
    """One life of it."""

    def __init__(self, setup: Setup) -> None:
        self._rng = Random(setup.seed)
        self._setup = setup
        self._clock = WrongClock(self._rng)
        self._books = Books(setup.folder / "books.db")
        place = Place(setup.folder / "team", setup.login, "m", login=f"user={setup.login}")
        self._machine = Machine(setup.policy, place, self._clock)
        self._heard = self._machine.last()
        self._wanted = asyncio.Event()
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Until somebody kills it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sync())
            for _ in range(WORKERS):
                tasks.create_task(self._work())

    async def _sync(self) -> None:
        while True:
            self._wanted.clear()
            with suppress(TeamError):
                self._heard = await self._machine.sync(self._books)
            async with self._news:
                self._news.notify_all()
            if self._rng.random() < 0.2:
                self._clock.step()
            await asyncio.sleep(self._rng.uniform(0.01, 0.1))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), min(self._machine.every_s, 1.0))

    async def _work(self) -> None:
        while True:
            at_us = self._clock.now_us()
            self._books.room = room(self._heard, self._books, at_us, self._clock.boot_s())
            if self._books.room >= WORST:
                await self._call(at_us)
                continue
            self._books.waiting += 1
            self._wanted.set()
            async with self._news:
                await self._news.wait()
            self._books.waiting -= 1

    async def _call(self, at_us: int) -> None:
        call = self._books.reserve(at_us)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._setup.provider)
        cost = round(WORST * self._rng.uniform(0.6, 1.0))
        writer.write(json.dumps({"name": self._setup.folder.name, "cost": cost}).encode() + b"\n")
        await reader.readline()
        self._books.settle(call, cost)
        writer.close()


def room(heard: Heard | None, books: Books, at_us: int, boot_s: float) -> int:
    """What may begin now: the least of the budgets, and nothing outside of a window or after the deadline."""
    left: list[int] = []
    for share in heard.shares if heard else ():
        if not (share.since_us <= at_us < (share.until_us or 1 << 62) and boot_s < share.usable_s):
            return 0
        taken = books.taken(share.budget, share.since_us, share.until_us)
        left.append((share.granted or 0) - taken.spent - taken.reserved)
    return min(left, default=0)


def copy_books(folder: Path, to: Path) -> None:
    """As they are at this moment; what stands in them already is the first daemon's to count."""
    with closing(sqlite3.connect(folder / "books.db")) as books, closing(sqlite3.connect(to / "books.db")) as copy:
        books.backup(copy)
        copy.execute("UPDATE calls SET state = 'copied'")
        copy.commit()


def copy_state(folder: Path, to: Path) -> None:
    """As it was written last."""
    (to / "team").mkdir()
    with suppress(FileNotFoundError):  # nothing was yet
        (to / "team" / "state.json").write_bytes((folder / "team" / "state.json").read_bytes())


def name_of(folder: Path) -> str:
    """As who it takes part by now: the login, and the machine's name."""
    state, _ = Book(folder / "team").read()
    return f"{folder.name.partition('-')[0]}/{state.machine}"


def untold(folder: Path) -> int:
    """Of what stands in the books, how much was not told by what is remembered."""
    state, _ = Book(folder / "team").read()
    told = sum(chain.base + chain.reported for chain in state.chains)
    with closing(sqlite3.connect(folder / "books.db")) as books:
        (spent,) = books.execute("SELECT coalesce(sum(amount), 0) FROM calls").fetchone()
    return max(0, int(spent) - told)


def spoil(setup: Setup, rng: Random) -> None:
    """Make a bad network of the way to the database. What was said is remembered beyond the death of who said it."""
    honest = connecting.Session.run
    file = setup.folder / "said.jsonl"
    said: list[list[Any]] = [json.loads(line)["said"] for line in _lines(file)]
    stream = file.open("a", encoding="utf-8")

    async def run(self: connecting.Session, name: str, **values: object) -> list[connecting.Row]:
        fate = {"said": [name, values], "twice": rng.random() < setup.twice, "late": rng.random() < setup.late}
        fate["torn"] = rng.random() < setup.torn
        stream.write(json.dumps(fate) + "\n")
        stream.flush()
        if said and fate["late"]:
            older, old = rng.choice(said)
            await honest(self, older, **old)
        said.append([name, values])
        if fate["torn"] and rng.random() < 0.5:
            raise psycopg.OperationalError("torn off before")
        rows = await honest(self, name, **values)
        if fate["twice"]:
            rows = await honest(self, name, **values)
        if fate["torn"]:
            raise psycopg.OperationalError("torn off after")
        return rows

    connecting.Session.run = run  # type: ignore[method-assign]  # no other place is between daemon and database


def _lines(file: Path) -> list[str]:
    """The whole lines of a file whose last one may be torn."""
    text = file.read_text("utf-8") if file.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


def main(setup: Setup) -> None:
    """A life."""
    spoil(setup, Random(setup.seed + 1))
    asyncio.run(Daemon(setup).run())
