"""How many leased daemons one database sustains: thousands of them against a real PostgreSQL, in compressed time.

python -m tests.bench.team_sim [--daemons N] [--minutes N] [--times N]

Every daemon is the real one's part that a database sees: it has a role and a limit of its own, visits when its lease
has to be renewed or runs low, spends, and keeps its state on the disk. Time is compressed: with `--times 3` everything
comes three times as often as it would, and leases live for a third of an hour. Whoever is not served in time loses its
lease to expiry, which is counted; so is how late visits begin.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import shutil
import signal
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil
from msgspec import Struct
from msgspec.structs import replace

from tests.support import postgres
from tests.support.postgres import Server, rows
from tokenguard.errors import TeamError
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.postgres import admin
from tokenguard.team.postgres.machine import Machine
from tokenguard.team.shape import Demand, Place, Taken

HOUR_S = 3600
AT_ONCE = 24
"""Visits under way."""

SPENDING = 6 * NANOS
"""An hour, of a daemon at work."""

AT_WORK = 0.5
"""Of the daemons, how many spend; the others only renew."""

LARGEST = NANOS // 4


class Seen(Struct):
    """What came of it."""

    visits: int = 0
    failed: int = 0
    took_s: list[float] = []
    late_s: list[float] = []


class Daemon:
    """What it has spent grows with time; also its clock."""

    boot_id = "sim"

    def __init__(self, number: int, policy: TeamPolicy, folder: Path, times: float, rng: Random) -> None:
        self._per_s = SPENDING * times / HOUR_S if rng.random() < AT_WORK else 0.0
        self._born_s = time.monotonic()
        login = f"sim{number}"
        self.machine = Machine(policy, Place(folder / login, login, "m", login=f"user={login}"), self, functions=True)

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def boot_s(self) -> float:
        return time.monotonic()

    def taken(self, budget: TeamBudget, since_us: int, until_us: int | None) -> Taken:
        return Taken(int(self._per_s * (time.monotonic() - self._born_s)))

    def demand(self, budget: TeamBudget) -> Demand:
        return Demand(burn=SPENDING // 2 if self._per_s else 0, largest=LARGEST)


def people(dsn: str, count: int) -> None:
    """Roles and limits for everybody; one by one they would take longer than what is measured."""
    with rows(dsn) as connection:
        connection.execute(
            f"""DO $$ BEGIN FOR n IN 0..{count - 1} LOOP
            EXECUTE format('CREATE ROLE sim%s LOGIN IN ROLE tokenguard_member', n); END LOOP; END $$""".encode()
        )
        connection.execute(
            "INSERT INTO tokenguard.member (team_id, login) SELECT 1, 'sim' || n FROM generate_series(0, %s) n",
            (count - 1,),
        )
        connection.execute(
            "INSERT INTO tokenguard.budget (team_id, owner, name, kind, timezone, week_start, month_start, cap)"
            " SELECT 1, 'member:sim' || n, 'sim' || n, 'month', 'UTC', 0, 1, %s FROM generate_series(0, %s) n",
            (10_000 * NANOS, count - 1),
        )


async def live(daemons: list[Daemon], seconds: float, rng: Random) -> Seen:
    """All of them, until the time is over. The first visits are spread over the time between two."""
    seen = Seen()
    start = time.monotonic()
    due = [(start + rng.uniform(0, seconds / 2), number) for number in range(len(daemons))]
    heapq.heapify(due)

    async def serve() -> None:
        while due and due[0][0] < start + seconds:
            at, number = heapq.heappop(due)
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            daemon, began = daemons[number], time.monotonic()
            seen.late_s.append(began - at)
            try:
                await daemon.machine.sync(daemon)
            except TeamError:
                seen.failed += 1
            seen.visits += 1
            seen.took_s.append(time.monotonic() - began)
            heapq.heappush(due, (time.monotonic() + daemon.machine.every_s * rng.uniform(0.8, 1.0), number))

    await asyncio.gather(*(serve() for _ in range(AT_ONCE)))
    return seen


def cpu_s(pid: int) -> float:
    """Of a process and of all the children that it had."""
    times = psutil.Process(pid).cpu_times()
    used = times.user + times.system + times.children_user + times.children_system
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):
            mine = child.cpu_times()
            used += mine.user + mine.system
    return used


def size_of(dsn: str) -> int:
    """Bytes of a database."""
    with rows(dsn) as connection:
        (row,) = connection.execute("SELECT pg_database_size(current_database()) AS bytes").fetchall()
        return int(row["bytes"])


def spread(seconds: list[float]) -> str:
    """The middle, and what only one of a hundred is above."""
    found = sorted(seconds)
    return f"{statistics.median(found) * 1e3:.0f} ms (99%: {found[-len(found) // 100] * 1e3:.0f} ms)"


def simulate(folder: Path, count: int, minutes: float, times: float) -> None:
    """A server, its daemons, and what came of it."""
    rng = Random(1)
    policy = TeamPolicy("web", "postgres", "leases", (TeamBudget("month", 10**8 * NANOS),))
    server = Server(folder / "s")
    server.start()
    try:
        dsn = server.database("sim")
        admin.init_db(dsn)
        admin.create_team(dsn, policy, ttl_s=int(HOUR_S / times))
        people(dsn, count)
        empty = size_of(dsn)
        where = replace(policy, database=f"host={folder / 's'} port={server.port} dbname=sim")
        daemons = [Daemon(number, where, folder / "daemons", times, rng) for number in range(count)]
        seconds, before_s, mine_s = minutes * 60 / times, cpu_s(server.pid), time.process_time()
        seen = asyncio.run(live(daemons, seconds, rng))
        used_s, mine_s = cpu_s(server.pid) - before_s, time.process_time() - mine_s
        (total, *_) = admin.totals(dsn, "web")
        print(
            f"{count:,} daemons, {minutes:.0f} minutes in {seconds:.0f} s: {seen.visits:,} visits, {seen.failed} failed"
        )
        print(f"{seen.visits / seconds:.0f} visits/s; each {spread(seen.took_s)}, begun late by {spread(seen.late_s)}")
        print(f"CPU a visit: server {used_s / seen.visits * 1e3:.1f} ms, daemon {mine_s / seen.visits * 1e3:.1f} ms")
        print(f"the database grew from {empty / 2**20:.0f} to {size_of(dsn) / 2**20:.0f} MiB")
        print(f"live leases: {total.live:,}; held ${total.held / NANOS:,.0f}, spent ${total.spent / NANOS:,.0f}")
        print(f"lost to expiry: ${total.presumed / NANOS:,.2f}; audit: {admin.audit(dsn) or 'empty'}")
    finally:
        server.stop(signal.SIGQUIT)


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--daemons", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--times", type=float, default=3)
    asked = parser.parse_args()
    if reason := postgres.missing():
        sys.exit(reason)
    folder = Path(tempfile.mkdtemp(prefix="tg-sim-"))
    folder.chmod(0o711)
    try:
        simulate(folder, asked.daemons, asked.minutes, asked.times)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
