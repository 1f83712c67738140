"""`kill -9` of a daemon at work, again and again.

python -m tests.chaos.kills [--kills N] [--seed N] [--calls N]

A real daemon with a strict and a calibrated budget serves clients from a simulator in this process, and is killed at a
random moment: while it starts, while it waits, in the middle of streams. After every kill the ledger must still have
every charge that it had, every call that the provider billed exactly once, as a charge or as a reservation that covers
it, and what the next daemon says is reserved must be the sum of the open reservations. `--calls` measures how long the
start takes on a ledger of so many calls instead (1,000,000).
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import uvloop
from msgspec import Struct

from tests.chaos import recovery
from tests.chaos.load import Load
from tests.support.home import COMMAND, Home
from tests.support.house import CATALOGUE
from tests.support.waiting import until
from tokenguard import client, simulator
from tokenguard.config.settings import Config
from tokenguard.guard import Desk, Guard
from tokenguard.ledger import Ledger, queries
from tokenguard.records import Amount, Budget
from tokenguard.simulator import Simulator

RAM = Path("/dev/shm")
CLIENTS = 12
BUDGETS = """
[[budget]]
name = "strict"
scope = "global"
limit = "$1000000"
window = "total"
mode = "strict"

[[budget]]
name = "calibrated"
scope = "global"
limit = "$1000000"
window = "total"
"""
EARLY = 0.15
"""Of the kills, how many come while the daemon starts."""
START_S = 0.4
WORK_S = 0.35
PRESUMED_AFTER_US = 3_600_000_000


class Report(Struct):
    """What the kills showed."""

    kills: int = 0
    starting: int = 0
    """Of them, before the daemon was ready."""
    calls: int = 0
    billed: int = 0
    settled: int = 0
    presumed: int = 0
    most_open: int = 0
    start_s: list[float] = []
    broken: list[str] = []


class Row(Struct, frozen=True):
    """A call, as the ledger has it."""

    id: int
    state: str
    cost: int
    high: int
    reserved: int
    response: str | None


class Killer:
    """One daemon after the other on one home folder."""

    def __init__(self, home: Home, seed: int, report: Report) -> None:
        self.report = report
        self._home = home
        self._rng = Random(seed)
        self._charged: dict[int, int] = {}
        self._ready = False

    async def start(self) -> asyncio.subprocess.Process:
        """A daemon that was spawned."""
        self._ready = False
        return await asyncio.create_subprocess_exec(
            *COMMAND,
            env=self._home.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def wait_until_ready(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None and child.stderr is not None
        line = await child.stdout.readline()
        if b"ready" not in line:
            raise RuntimeError(f"the daemon did not start: {line!r} {await child.stderr.read()!r}")
        self._ready = True

    async def end_with_something_to_lose(self, child: asyncio.subprocess.Process, load: Load) -> None:
        """Kill a daemon once it has settled a call, however long that takes on this machine."""
        load.gate.set()
        await asyncio.to_thread(until, lambda: any(row.state == "settled" for row in self.rows()), "a call is settled")
        child.kill()
        await child.wait()
        load.gate.clear()
        self._look()

    async def cycle(self, load: Load) -> None:
        """Start a daemon, let it work, kill it, look at what it left."""
        began = time.perf_counter()
        child = await self.start()
        if self._rng.random() < EARLY:
            self.report.starting += 1
            await asyncio.sleep(self._rng.random() * START_S)
        else:
            await self.wait_until_ready(child)
            self.report.start_s.append(time.perf_counter() - began)
            self._compare_reserved()
            load.gate.set()
            await asyncio.sleep(self._rng.random() * WORK_S)
        child.kill()
        await child.wait()
        load.gate.clear()
        self.report.kills += 1
        self._look()

    def _compare_reserved(self) -> None:
        """Before anybody calls: what is said to be reserved is what the ledger has open."""
        daemon = client.find(self._home.paths)
        assert daemon is not None
        views = {view["name"]: view for view in daemon.get("/v1/status")["budgets"]}
        opened = [row for row in self.rows() if row.state == "open"]
        reserved = sum(row.reserved for row in opened)
        self.report.most_open = max(self.report.most_open, len(opened))
        if views["strict"]["reserved"] != reserved:
            self._breaks(f"status says {views['strict']['reserved']} is reserved, the ledger {reserved}")
        spent = sum(row.cost for row in self.rows() if row.state != "open")
        if views["strict"]["spent"] != spent:
            self._breaks(f"status says {views['strict']['spent']} is spent, the ledger {spent}")

    def _look(self) -> None:
        """What was charged is charged still, and once."""
        if not self._home.paths.ledger.exists():
            return
        rows = self.rows()
        charged = {row.id: row.cost for row in rows if row.state in ("settled", "presumed")}
        lost = [number for number, cost in self._charged.items() if charged.get(number) != cost]
        if lost:
            self._breaks(f"the charges of calls {lost[:5]} are gone or changed")
        self._charged = charged
        twice = [name for name, count in Counter(row.response for row in rows if row.response).items() if count > 1]
        if twice:
            self._breaks(f"{twice[:5]} were counted twice")

    def rows(self) -> list[Row]:
        """All calls that count or may count."""
        conn = sqlite3.connect(f"file:{self._home.paths.ledger}?mode=ro", uri=True)
        try:
            found = conn.execute(
                "SELECT id, state, coalesce(cost_nanos, 0), coalesce(cost_high, cost_nanos, 0), reserved_nanos,"
                " response_id FROM calls WHERE state != 'refused'"
            )
            return [Row(*row) for row in found]
        finally:
            conn.close()

    def compare(self, provider: Simulator, answered: set[str]) -> None:
        """Every call that was billed is in the ledger once: charged, or reserved by enough."""
        rows = self.rows()
        by_response = {row.response: row for row in rows if row.response}
        unmatched: list[int] = []
        for billed in provider.bill().calls:
            row = by_response.get(billed.id)
            if row is None:
                unmatched.append(billed.nanos)
            elif billed.id in answered and row.cost != billed.nanos:
                self._breaks(f"{billed.id} was billed {billed.nanos}, but {row.cost} is charged")
            elif row.high < billed.nanos:
                self._breaks(f"{billed.id} was billed {billed.nanos}, but at most {row.high} is charged")
        spare = sorted(max(row.reserved, row.high) for row in rows if not row.response)
        for nanos in sorted(unmatched, reverse=True):
            if not spare or spare.pop() < nanos:
                self._breaks(f"a call that was billed {nanos} is not in the ledger")
        self.report.billed = len(provider.bill().calls)
        self.report.settled = sum(row.state == "settled" for row in rows)

    async def presume(self) -> None:
        """A last guard, an hour later: nothing stays reserved."""
        ledger = Ledger.open(self._home.paths.ledger)
        strict, calibrated = Budget("strict", 10**15, mode="strict"), Budget("calibrated", 10**15)
        opened = queries.open_reservations(ledger.read())
        before = queries.totals(ledger.read()).cost_nanos
        config = Config(budgets=(strict, calibrated))
        guard = Guard(ledger, CATALOGUE, config, lambda: time.time_ns() // 1_000 + PRESUMED_AFTER_US)
        await guard.tick()
        bound = sum((reserved for _, reserved in opened), Amount()).nanos
        self.report.presumed = len(opened)
        if queries.open_reservations(ledger.read()):
            self._breaks("reservations stay open for ever")
        if queries.totals(ledger.read()).cost_nanos != before + bound:
            self._breaks("what was presumed is not what was reserved")
        for view in Desk(guard, ledger).status()["budgets"]:
            if view["reserved"] or view["spent"] != before + bound:
                self._breaks(f"{view['name']} shows {view['reserved']} reserved, {view['spent']} spent")
        await ledger.close()

    def _breaks(self, what: str) -> None:
        self.report.broken.append(f"kill {self.report.kills}: {what}")


async def run(kills: int, seed: int, folder: Path) -> Report:
    """So many kills on a home folder of their own."""
    report, home = Report(), Home(folder / "home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with simulator.running(seed=seed) as provider:
        home.configure(f"port = {port}", f'[providers.anthropic]\nbase_url = "{provider.url}"\n{BUDGETS}')
        killer = Killer(home, seed, report)
        first = await killer.start()
        await killer.wait_until_ready(first)
        token = home.session(home.daemon)["token"]
        load = Load(seed, port, token, CLIENTS)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run())
                try:
                    await killer.end_with_something_to_lose(first, load)
                    for _ in range(kills):
                        await killer.cycle(load)
                finally:
                    load.finish()
            await provider.idle()
            killer.compare(provider, load.answered)
            await killer.presume()
        finally:
            home.clean_up()
    report.calls = load.calls
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=0, help="measure starts on a ledger of so many calls instead")
    arguments = parser.parse_args()
    # A simulated provider whose client left before its first byte tells so at length.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="tokenguard-kills-", dir=RAM if RAM.is_dir() else None))
    try:
        if arguments.calls:
            recovery.measure(arguments.calls, folder)
            return
        report = uvloop.run(run(arguments.kills, arguments.seed, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{report.kills} kills, seed {arguments.seed}; {report.starting} of them while the daemon started")
    print(f"{report.calls} calls, {report.billed} billed, {report.settled} settled, {report.presumed} presumed")
    starts = report.start_s
    print(f"most open at a restart {report.most_open}; start {statistics.median(starts) * 1e3:.0f} ms in the median")
    for what in report.broken[:20]:
        print(what)
    sys.exit(bool(report.broken))


if __name__ == "__main__":
    main()
