"""A team and its database under attack: nobody may pass the cap, and nearly all of it must be usable.

python -m tests.chaos.team_postgres [--kills N] [--copies N] [--daemons N] [--cap DOLLARS] [--seed N]

Daemons in processes of their own spend one cap at a provider that bills what it is sent. Each has a clock that is
wrong and steps; a fifth of what it says to a real PostgreSQL is said twice, some of it much later, by the next process
too, and some of it is torn off. Links are cut, the database is stopped and crashes, and daemons die by `kill -9` after
the provider has billed a call and before they know of it. What is over is folded at once. Folders of daemons are
copied, and both go on; what a daemon remembers is put back as it was a life before, and it goes on with that.

What must hold: the bill is at most the cap, every invariant of the database holds (its audit view is empty), all is
folded that is over, and at least 90% of the cap could be used: by the books of the daemons, in which a call that they
died in counts at its worst case. What copies take away is not counted as usable: what was told by both of two, and the
leases of those that were put back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import multiprocessing
import multiprocessing.context
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from tests.chaos import team_daemon
from tests.chaos.team_daemon import WORST, Setup
from tests.support import postgres
from tests.support.cut import Cut
from tests.support.postgres import Server, rows
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.postgres import admin

TTL_S = 3
QUIET = 3
"""Nothing billed for so many times as long as a lease lasts: the cap is used up."""

LONGEST_S = 900.0
USABLE = 0.9

_LEFT = """
SELECT count(*) AS leases, count(*) FILTER (WHERE state <> 'live' AND over_at < now()) AS unfolded FROM tokenguard.lease
"""

_GIVEN_UP = """
SELECT coalesce(sum(amount - spent), 0) AS amount FROM tokenguard.lease
WHERE state = 'expired' AND NOT member || '/' || machine = ANY(%s)
"""

_ACCEPTING = 5
"""Turns of the loop in which a connection is accepted."""


class Report(Struct):
    """What it came to."""

    cap: int
    billed: int = 0
    counted: int = 0
    """By the books of the daemons: with what was in flight when they died, at its worst case."""
    spent: int = 0
    """By the database."""
    overrun: int = 0
    """Of it, what was in no lease."""
    calls: int = 0
    kills: int = 0
    copies: int = 0
    put_back: int = 0
    twice: int = 0
    """What may be told twice: it stands in two books, or had been told before it was forgotten that it was."""
    given_up: int = 0
    """In leases of machines that go by another name since their state was put back."""
    asked: int = 0
    """Leases that there may have been."""
    leases: int = 0
    """Those that there are at the end."""
    unfolded: int = 0
    stops: int = 0
    cuts: int = 0
    said: Counter[str] = Counter()
    audit: list[tuple[str, str]] = []
    seconds: float = 0.0

    @property
    def broken(self) -> list[str]:
        """What does not hold."""
        found = [f"{rule}: period {period}" for rule, period in self.audit]
        if self.billed > self.cap:
            found.append(f"billed {self.billed - self.cap} nanodollars over the cap")
        if self.counted > self.cap:
            found.append(f"begun {self.counted - self.cap} nanodollars over the cap, at worst")
        if self.overrun > self.twice:
            found.append(f"spent {self.overrun - self.twice} nanodollars that were in no lease")
        if self.unfolded:
            found.append(f"{self.unfolded} leases are over, and were not folded")
        if self.billed > self.counted:
            found.append("the provider billed what no daemon knows of")
        used = self.counted + self.twice + self.given_up
        if used < USABLE * self.cap:
            found.append(f"only {used / self.cap:.1%} of the cap was usable")
        return found


class Chaos:
    """One cap, from the first call to the last."""

    def __init__(
        self, server: Server, folder: Path, *, cap: int, daemons: int, kills: int, copies: int, seed: int, ttl_s: int
    ) -> None:
        self.report = Report(cap)
        self._server = server
        self._dsn = server.database("chaos")
        self._ttl_s = ttl_s
        self._folder = folder
        self._rng = Random(seed)
        # So that the kills come while there is something to spend.
        self._deadly = 1.5 * kills * 0.8 * WORST / cap
        self._daemons = daemons
        # While there is enough left for what both of two will have told.
        self._copies = [cap * (number + 1) // (2 * copies + 2) for number in range(copies)]
        """What is billed when the next ones are made."""
        self._former: dict[str, bytes] = {}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([team_daemon.__name__])
        self._lives: dict[str, multiprocessing.context.ForkServerProcess] = {}
        self._setups: dict[str, Setup] = {}
        self._billing = asyncio.Event()
        self._billed_s = math.inf
        self._calls: set[asyncio.Task[None]] = set()
        self._over = False

    async def run(self) -> Report:
        """Everything at once, until nothing is left of the cap."""
        started = time.monotonic()
        async with AsyncExitStack() as stack:
            provider = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            links = [await stack.enter_async_context(Cut("127.0.0.1", self._server.port)) for _ in range(self._daemons)]
            self._create(provider.sockets[0].getsockname()[1], links)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._revive())
                tasks.create_task(self._attack(links))
            for life in self._lives.values():
                life.kill()
                life.join()
            provider.close()
            # Whoever connected before it was killed is accepted yet.
            for _ in range(_ACCEPTING):
                await asyncio.sleep(0)
            await asyncio.gather(*self._calls)
        self.report.seconds = time.monotonic() - started
        self._count()
        return self.report

    def _create(self, provider: int, links: list[Cut]) -> None:
        # A day lies in for ever: leases are in chains of days, and clocks that are days off are outside of it.
        budgets = (TeamBudget("all", self.report.cap, "total"), TeamBudget("day", self.report.cap, "day"))
        policy = TeamPolicy("web", "postgres", "leases", budgets)
        admin.init_db(self._dsn)
        admin.create_team(self._dsn, policy, ttl_s=self._ttl_s, keep_s=0)
        for number, link in enumerate(links):
            login = f"dev{number}"
            admin.add_member(self._dsn, "web", login)
            folder = self._folder / login
            folder.mkdir()
            where = replace(policy, database=f"host=127.0.0.1 port={link.port} dbname=chaos")
            self._setups[login] = Setup(folder, where, login, provider, self._rng.randrange(1 << 30))
            self._begin(login)

    def _begin(self, name: str) -> None:
        self._setups[name] = setup = replace(self._setups[name], seed=self._setups[name].seed + 7)
        life = self._context.Process(target=team_daemon.main, args=(setup,), daemon=True)
        life.start()
        self._lives[name] = life

    def _copy(self) -> None:
        """A daemon's folder, while it writes there."""
        setup = self._setups[f"dev{self._rng.randrange(self._daemons)}"]
        folder = self._folder / f"{setup.login}-{len(self._setups)}"
        folder.mkdir()
        copied = [team_daemon.copy_books, team_daemon.copy_state]
        self._rng.shuffle(copied)
        for copy in copied:
            copy(setup.folder, folder)
        self.report.copies += 1
        self.report.twice += team_daemon.untold(folder)
        self._setups[folder.name] = replace(setup, folder=folder)
        self._begin(folder.name)

    def _put_back(self, name: str) -> None:
        """What a daemon that has died remembers becomes what it remembered when it had died before."""
        file = self._setups[name].folder / "team" / "state.json"
        if not file.exists():
            return
        if name in self._former and self.report.put_back < self.report.copies:
            file.write_bytes(self._former.pop(name))
            self.report.put_back += 1
            self.report.twice += team_daemon.untold(file.parents[1])
        else:
            self._former[name] = file.read_bytes()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._calls.add(asyncio.ensure_future(self._bill(reader, writer)))

    async def _bill(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await self._answer(reader, writer)
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line := await reader.readline():
            call = json.loads(line)
            self.report.billed += call["cost"]
            self.report.calls += 1
            self._billing.set()
            self._billed_s = time.monotonic()
            if self._rng.random() < self._deadly:
                self._lives[call["name"]].kill()
                self.report.kills += 1
            else:
                await asyncio.sleep(self._rng.uniform(0.005, 0.05))
                writer.write(b"done\n")
                await writer.drain()

    async def _revive(self) -> None:
        while not self._over:
            for name, life in list(self._lives.items()):
                if not life.is_alive():
                    life.join()
                    life.close()
                    self._put_back(name)
                    self._begin(name)
            if self._copies and self.report.billed >= self._copies[0]:
                self._copies.pop(0)
                self._copy()
            await asyncio.sleep(0.05)

    async def _attack(self, links: list[Cut]) -> None:
        """Until nobody finds anything left to spend; then all links are whole, and everybody may finish."""
        started = time.monotonic()
        while time.monotonic() < min(self._billed_s + 1.5 * self._ttl_s, started + LONGEST_S):
            await asyncio.sleep(self._rng.uniform(0.3, 1.2))
            if self._rng.random() < 0.15 and self.report.billed < 0.85 * self.report.cap:
                self.report.stops += 1
                await asyncio.to_thread(self._server.stop, self._rng.choice((signal.SIGINT, signal.SIGQUIT)))
                await asyncio.sleep(self._rng.uniform(0.1, 1.0))
                await asyncio.to_thread(self._server.start)
            elif self._rng.random() < 0.7:
                # Whoever is cut off spends what it has leased, and says so when its lease has long expired.
                link = self._rng.choice(links)
                self.report.cuts += 1
                link.cut()
                asyncio.get_running_loop().call_later(self._rng.uniform(0.5, 2 * self._ttl_s), link.mend)
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                while True:
                    self._billing.clear()
                    await asyncio.wait_for(self._billing.wait(), QUIET * self._ttl_s)
        self._over = True

    def _count(self) -> None:
        (everything, _) = admin.totals(self._dsn, "web")
        self.report.spent, self.report.overrun = everything.spent, everything.overrun
        with rows(self._dsn, autocommit=True) as connection:
            # What the last visits have let go of waits for others.
            for _ in range(self.report.calls):
                connection.execute("SELECT tokenguard.fold('web', 100)")
            (left,) = connection.execute(_LEFT).fetchall()
            self.report.leases, self.report.unfolded = left["leases"], left["unfolded"]
            names = [team_daemon.name_of(setup.folder) for setup in self._setups.values()]
            (gone,) = connection.execute(_GIVEN_UP, [names]).fetchall()
            self.report.given_up = int(gone["amount"])
        self.report.audit = admin.audit(self._dsn)
        asked: set[str] = set()
        for setup in self._setups.values():
            with closing(sqlite3.connect(setup.folder / "books.db")) as books:
                self.report.counted += books.execute(
                    "SELECT coalesce(sum(amount), 0) FROM calls WHERE state <> 'copied'"
                ).fetchone()[0]
            for line in (setup.folder / "said.jsonl").read_text("utf-8").splitlines():
                with suppress(json.JSONDecodeError):
                    fate = json.loads(line)
                    self.report.said["steps"] += 1
                    if fate["said"][0] == "grant":
                        asked.add(fate["said"][1]["lease"])
                    self.report.said.update(name for name in ("twice", "late", "torn") if fate[name])
        self.report.asked = len(asked)


async def run(
    folder: Path, *, cap: int, daemons: int, kills: int, copies: int, seed: int, ttl_s: int = TTL_S
) -> Report:
    """A server of its own, and all of it. The folder must be open to whom the server runs as."""
    server = Server(folder / "s")
    server.start()
    try:
        chaos = Chaos(server, folder, cap=cap, daemons=daemons, kills=kills, copies=copies, seed=seed, ttl_s=ttl_s)
        return await chaos.run()
    finally:
        server.stop(signal.SIGQUIT)


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=110)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--daemons", type=int, default=10)
    parser.add_argument("--cap", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if reason := postgres.missing():
        sys.exit(reason)
    folder = Path(tempfile.mkdtemp(prefix="tg-chaos-"))
    folder.chmod(0o711)
    try:
        given = {"cap": asked.cap * NANOS, "daemons": asked.daemons, "kills": asked.kills, "copies": asked.copies}
        report = asyncio.run(run(folder, **given, seed=asked.seed))
    finally:
        shutil.rmtree(folder)
    said = report.said
    billed, counted, cap = (amount / NANOS for amount in (report.billed, report.counted, report.cap))
    print(f"{report.calls:,} calls, {report.kills} kills between bill and settlement")
    print(f"{report.stops} stops of the database, {report.cuts} links cut")
    twice = report.twice / NANOS
    print(
        f"{report.copies} daemons copied, {report.put_back} states put back: at most ${twice:.2f} told twice,"
        f" ${report.given_up / NANOS:.2f} given up"
    )
    print(f"{report.asked} leases asked for, {report.leases} not folded in the end")
    print(
        f"{said['steps']:,} steps, {said['twice']:,} of them twice, {said['late']} late again, {said['torn']} torn off"
    )
    print(f"billed ${billed:.2f} of ${cap:.2f} ({billed / cap:.1%}), counted ${counted:.2f} ({counted / cap:.1%})")
    print(f"known to the database: ${report.spent / NANOS:.2f}; {report.seconds:.0f} s, seed {asked.seed}")
    if report.kills < asked.kills or not report.stops or not report.cuts or report.copies < asked.copies:
        sys.exit("there was too little chaos to tell: try another seed")
    if report.broken:
        sys.exit("\n".join(["broken:", *report.broken]))
    print("nothing is over the cap, and the audit is empty")


if __name__ == "__main__":
    main()
