"""What leases of a team cost its database: steps on one hot row, by functions and by transactions, and whole visits.

python -m tests.bench.bench_team_postgres [--seconds N] [--connections N]

The database and all of its clients share this machine. With `fsync` a commit waits for the disk while it holds the row.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from msgspec.structs import replace
from psycopg import errors

from tests.support import postgres
from tests.support.postgres import Server, rows
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.postgres import admin
from tokenguard.team.postgres.connecting import Session, connected
from tokenguard.team.postgres.machine import Machine
from tokenguard.team.postgres.schema import set_up
from tokenguard.team.shape import Demand, Place, Taken

POLICY = TeamPolicy("web", "postgres", "leases", (TeamBudget("month", 10**9 * NANOS),))


_SIZES = """
SELECT pg_total_relation_size(oid) AS bytes FROM pg_class
WHERE relnamespace = 'tokenguard'::regnamespace AND relname IN ('lease', 'lease_period', 'entry')
"""


class Retries:
    """How often a transaction lost against others."""

    count = 0


class Books:
    """A machine that spends a dollar between two visits."""

    def __init__(self) -> None:
        self.spent = 0

    def taken(self, budget: TeamBudget, since_us: int, until_us: int | None) -> Taken:
        return Taken(self.spent)

    def demand(self, budget: TeamBudget) -> Demand:
        return Demand(burn=4 * NANOS, largest=NANOS)


class Clock:
    """The machine's."""

    boot_id = "bench"

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def boot_s(self) -> float:
        return time.monotonic()


async def grants(way: str, connections: int, seconds: float, *, functions: bool) -> float:
    """Grants per second on one budget, from so many connections that stay open."""
    until = time.monotonic() + seconds

    async def ask(session: Session) -> int:
        done = 0
        machine = str(uuid4())
        visit: dict[str, object] = {"visits": 0, "known": [], "token": machine, "open": []}
        await session.run("visit", team="web", machine=machine, **visit)
        names = {"team": "web", "repository": "", "machine": machine, "visit": machine}
        while time.monotonic() < until:
            answer = await session.run("grant", **names, lease=str(uuid4()), want=NANOS, least=1)
            done += len(answer)
        return done

    async def client() -> int:
        async with connected(way, functions=functions) as session:
            return await ask(session)

    return sum(await asyncio.gather(*(client() for _ in range(connections)))) / seconds


async def folds(way: str, dsn: str, *, functions: bool) -> tuple[int, float, float]:
    """All leases that there are, as if their windows had been over for long: how many, and seconds and KiB for each."""
    with rows(dsn, autocommit=True) as connection:
        connection.execute("UPDATE tokenguard.lease SET expires_at = now() - INTERVAL '1 second'")
        count = int(connection.execute("SELECT count(*) AS n FROM tokenguard.lease").fetchall()[0]["n"])
        size = sum(row["bytes"] for row in connection.execute(_SIZES).fetchall())
        async with connected(way, functions=functions) as session:
            await session.run("expire", team="web", most=count)
            connection.execute("UPDATE tokenguard.lease SET over_at = now() - INTERVAL '100 days'")
            connection.execute("VACUUM ANALYZE")
            began = time.perf_counter()
            for _ in range(count // 100 + 1):
                await session.run("fold", team="web", most=100)
            took = time.perf_counter() - began
        (left,) = connection.execute("SELECT count(*) AS n FROM tokenguard.lease").fetchall()
        if left["n"]:
            sys.exit("there are leases that were not folded")
    return count, took / count, size / count / 1024


async def visits(way: str, folder: Path, count: int) -> list[float]:
    """Seconds that a visit takes: connect, report, hear of the others, lease more if needed, write it down."""
    parts = dict(part.split("=") for part in way.split())
    where = " ".join(f"{name}={parts[name]}" for name in ("host", "port", "dbname"))
    books = Books()
    machine = Machine(replace(POLICY, database=where), Place(folder, "ann", "m", login="user=ann"), Clock())
    found: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        await machine.sync(books)
        found.append(time.perf_counter() - began)
        books.spent += NANOS
    return found


def count_retries() -> None:
    """Have every lost transaction counted."""
    # Of a session, only what it sends shows that a transaction was lost; it has no hook for that.
    session: Any = Session
    send = session._send

    async def counting(self: Session, name: str, values: dict[str, object]) -> list[dict[str, object]]:
        try:
            sent: list[dict[str, object]] = await send(self, name, values)
            return sent
        except (errors.SerializationFailure, errors.DeadlockDetected):
            Retries.count += 1
            raise

    session._send = counting


def measure(folder: Path, fsync: str, connections: int, seconds: float) -> None:
    """One server, all measurements."""
    server = Server(folder, {"fsync": fsync})
    server.start()
    try:
        for functions in (True, False):
            dsn = server.database(f"functions_{functions}")
            with rows(dsn) as connection:
                set_up(connection, functions=functions)
            admin.create_team(dsn, POLICY)
            admin.add_member(dsn, "web", "ann")
            way = dsn.replace("user=postgres", "user=ann")
            name = "functions" if functions else "serializable transactions"
            for clients in (1, connections):
                Retries.count = 0
                rate = asyncio.run(grants(way, clients, seconds, functions=functions))
                retried = Retries.count / max(1, Retries.count + rate * seconds)
                print(
                    f"fsync {fsync:3}  {name:26} {clients:3} clients  {rate:7.0f} grants/s  {retried:4.0%} tried again"
                )
            count, each_s, kib = asyncio.run(folds(way, dsn, functions=functions))
            print(f"fsync {fsync:3}  {name:26} folds {count:,} leases of {kib:.1f} KiB, {1 / each_s:,.0f} a second")
            if admin.audit(dsn):
                sys.exit("the audit is not empty")
            if functions:
                took = sorted(asyncio.run(visits(way, folder.parent / f"state-{fsync}", 200)))
                print(
                    f"fsync {fsync:3}  a visit: {statistics.median(took) * 1e3:.1f} ms, 99% in {took[-3] * 1e3:.1f} ms"
                )
    finally:
        server.stop(signal.SIGQUIT)


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=8)
    asked = parser.parse_args()
    if reason := postgres.missing():
        print(reason)
        return
    count_retries()
    folder = Path(tempfile.mkdtemp(prefix="tg-bench-"))
    folder.chmod(0o711)
    try:
        for fsync in ("off", "on"):
            measure(folder / fsync, fsync, asked.connections, asked.seconds)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
