"""Commands, the daemon's start and its recovery on a ledger of many calls, as whole processes.

python -m tests.bench.bench_large [--calls N] [--runs N] [--ledger PATH]

N calls (1,000,000; the goal is set for 10,000,000, which take 10 GB and 4 minutes to make), made in a temporary folder
that is deleted afterwards, or taken from PATH; medians of N runs (9).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.bench_cli import took_ms
from tests.bench.large_ledger import before_narrow_sums, generate
from tokenguard.config import settings
from tokenguard.config.paths import Paths
from tokenguard.daemon import catalogue
from tokenguard.guard import Desk, Guard
from tokenguard.ledger import Ledger, agreement, queries
from tokenguard.ledger.opening import open_for_writing
from tokenguard.ledger.rollups import HALF_US

BUDGETS = {"all": "total", "year": "year", "month": "month", "week": "rolling 7d", "day": "day"}
CONFIG = "[daemon]\nport = 0\n" + "".join(
    f'[[budget]]\nname = "{name}"\nlimit = "1000000"\nwindow = "{window}"\n' for name, window in BUDGETS.items()
)

# Calls of the past, as fast as they come, until it is killed.
WORK = """
import asyncio, random, sys, time
from pathlib import Path
from typing import Any
from msgspec.structs import replace
from tests.bench.bench_ledger import call, settlement
from tokenguard.ledger import Ledger
from tokenguard.records import Amount

async def main():
    ledger, rng = Ledger.open(Path(sys.argv[1])), random.Random(1)
    async def lane(start):
        for number in range(start, start + 10**9, 64):
            of = call(number, time.time_ns() // 1000, rng)
            await ledger.reserve(of, Amount(1, 1, 1))
            ledger.settle(settlement(of, rng))
    print("ready", flush=True)
    await asyncio.gather(*(lane(ledger.next_call_id + lane_) for lane_ in range(64)))

asyncio.run(main())
"""


def say(what: str, milliseconds: float, goal: str = "") -> None:
    print(f"{what:<44} {milliseconds:9.1f} ms{f'   ({goal})' if goal else ''}")


def ms(action: Callable[[], object]) -> float:
    """CPU of this thread, which other programs of the machine do not blur."""
    started = time.thread_time()
    action()
    return (time.thread_time() - started) * 1000


def commands(env: Mapping[str, str], runs: int) -> None:
    """What a person waits for."""
    tokenguard = [sys.executable, "-m", "tokenguard"]
    month = f"{datetime.now().astimezone():%Y-%m-01}"
    at_rest = statistics.median(took_ms([*tokenguard, "status"], env) for _ in range(runs))
    subprocess.run([*tokenguard, "daemon", "start"], env=env, check=True, stdout=subprocess.DEVNULL)
    try:
        say("tokenguard status, the first", took_ms([*tokenguard, "status"], env))
        later = statistics.median(took_ms([*tokenguard, "status"], env) for _ in range(runs))
        say("tokenguard status", later, "<= 150 ms")
        for by, since in (("model", month), ("day,model", month), ("repo", "2000-01-01")):
            asked = [*tokenguard, "report", "--by", by, "--since", since]
            say(f"report --by {by} --since {since}", statistics.median(took_ms(asked, env) for _ in range(runs)))
        for since in ("30d", "2000-01-01"):
            asked = [*tokenguard, "advise", "--since", since]
            goal = "<= 300 ms" if since == "30d" else ""
            say(f"advise --since {since}", statistics.median(took_ms(asked, env) for _ in range(runs)), goal)
    finally:
        subprocess.run([*tokenguard, "daemon", "stop", "--now"], env=env, check=True, stdout=subprocess.DEVNULL)
    say("tokenguard status without a daemon", at_rest)


def killed(ledger: Path) -> None:
    """Let a process write for a second, and kill it."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", WORK, str(ledger)], cwd=root, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


async def recovery(paths: Paths, runs: int) -> None:
    """What a daemon reads before it serves, after the one before it was killed; and what status costs its loop."""
    config = settings.load(paths)
    prices = catalogue.in_force(paths, config)
    begins: list[float] = []
    cpu: list[float] = []
    firsts: list[float] = []
    laters: list[float] = []
    logs: list[float] = []
    found: dict[str, Any] = {}
    for _ in range(runs):
        killed(paths.ledger)
        logs.append(paths.ledger.with_name("ledger.db-wal").stat().st_size / 2**20)
        started, started_cpu = time.perf_counter(), time.thread_time()
        ledger = Ledger.open(paths.ledger)
        guard = Guard(ledger, prices, config, lambda: time.time_ns() // 1000)
        begins.append((time.perf_counter() - started) * 1000)
        cpu.append((time.thread_time() - started_cpu) * 1000)
        desk = Desk(guard, ledger)
        firsts.append(ms(desk.status))
        laters.append(ms(desk.status))
        found = desk.status()
        await ledger.close()
    told = f"worst {max(begins):.0f} ms; a log of {statistics.median(logs):.0f} MiB; <= 200 ms at 1,000,000 calls"
    say("recovery after kill -9", statistics.median(begins), told)
    say("... CPU", statistics.median(cpu))
    say("status, CPU of the daemon's loop, the first", statistics.median(firsts), f"{len(found['budgets'])} budgets")
    say("status, CPU of the daemon's loop", statistics.median(laters))


def completed(path: Path) -> None:
    """What opening a ledger takes once whose hours are summed up, but not in all the ways of today."""
    before_narrow_sums(path)
    log = path.with_name(f"{path.name}-wal")
    sizes = [0]
    started = time.thread_time()
    conn, _ = open_for_writing(path, "normal", lambda _: sizes.append(log.stat().st_size))
    took = (time.thread_time() - started) * 1000
    conn.close()
    say("narrow sums made from those of hours, CPU", took, f"a log of {max(sizes) / 2**20:.0f} MiB")


def moved(path: Path) -> None:
    """What opening a ledger takes once where hours begin half an hour later, and where they do as before again."""
    for what, phase_us in (("sums by the hours of another zone, CPU", HALF_US), ("... and without them, CPU", 0)):
        started = time.thread_time()
        conn, _ = open_for_writing(path, "normal", phase_us=phase_us)
        took = (time.thread_time() - started) * 1000
        conn.close()
        say(what, took, f"{path.stat().st_size / 2**20:,.0f} MiB")


async def audits(path: Path) -> None:
    """What comparing sums with calls costs."""
    ledger = Ledger.open(path)
    took: list[float] = []
    for _ in range(50):
        started = time.perf_counter()
        await ledger.audit()
        took.append((time.perf_counter() - started) * 1000)
    await ledger.close()
    say("an hour's sums compared with its calls", statistics.median(took), f"worst {max(took):.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description="Commands on a large ledger.")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--ledger", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        home = Path(folder)
        (home / "config.toml").write_text(CONFIG)
        paths, env = Paths(home, home), {**os.environ, "HOME": folder, "TOKENGUARD_HOME": folder}
        if asked.ledger:
            shutil.copy(asked.ledger, paths.ledger)
            open_for_writing(paths.ledger, "normal")[0].close()  # an older one is summed up first
        else:
            filled = generate(paths.ledger, asked.calls, time.time_ns() // 1000)
            print(f"{asked.calls:,} calls, {paths.ledger.stat().st_size / 2**20:,.0f} MiB")
            say("summing up a ledger that has no sums, CPU", filled * 1000)
        print(f"{datetime.now(UTC):%Y-%m-%d}")
        commands(env, asked.runs)
        asyncio.run(recovery(paths, asked.runs))
        asyncio.run(audits(paths.ledger))
        completed(paths.ledger)
        with closing(queries.connect_readonly(paths.ledger)) as conn:
            say("all sums compared as a whole (doctor)", ms(lambda: agreement.agrees_as_a_whole(conn)))
        conn, _ = open_for_writing(paths.ledger, "normal")
        say("all sums compared hour by hour", ms(lambda: agreement.check_all(conn)))
        conn.close()
        moved(paths.ledger)


if __name__ == "__main__":
    main()
