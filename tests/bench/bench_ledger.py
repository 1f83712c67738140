"""What the ledger costs: CPU of a reserve and a settle, of the sums of a charge, and queries over a large ledger.

python -m tests.bench.bench_ledger [--calls N]     N calls in the large ledger, default 1,000,000; 0 leaves it out
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from tests.bench.large_ledger import generate
from tokenguard.ledger import Ledger, Settlement, Where, adding, queries
from tokenguard.ledger.opening import open_for_writing
from tokenguard.records import Amount, Call, Charge, Leg, Usage
from tokenguard.reports import report

PAIRS = 5_000
RUNS = 5
DAY_US = 86_400_000_000
NOW_US = 1_790_000_000_000_000
MODELS = ("claude-opus-5-5", "claude-sonnet-5", "claude-haiku-5-5", "gpt-6.1")


def call(number: int, started_us: int, rng: random.Random) -> Call:
    session = rng.randrange(number // 500, number // 500 + 4)
    return Call(
        id=number,
        session=f"session-{session:08x}",
        agent="claude",
        provider="anthropic",
        dialect="anthropic-messages",
        model=rng.choice(MODELS),
        started_us=started_us,
        stream=True,
        repo=f"/home/somebody/src/repository-{session % 12}",
        branch=f"feat/branch-{session % 40}",
    )


def settlement(of: Call, rng: random.Random) -> Settlement:
    legs = [Leg(of.model, Usage(rng.randrange(5_000), rng.randrange(200_000), 3_000, 0, rng.randrange(2_000)))]
    if rng.random() < 0.05:
        legs.append(Leg("claude-haiku-5-5", Usage(1_000, output=80), kind="advisor_message"))
    costs = tuple(leg.usage.total * 700 for leg in legs)
    usage = sum((leg.usage for leg in legs), Usage())
    charge = Charge(sum(costs), leg_nanos=costs)
    return Settlement(
        of, charge, of.started_us + 1_000_000, "ok", tuple(legs), usage, of.model, f"msg_{of.id:024x}", 200
    )


async def sequential(folder: Path, *, awaited: bool) -> None:
    """One call after the other. Where settlements are awaited as well, nothing ever shares a transaction."""
    ledger = Ledger.open(folder / f"sequential-{awaited}.db")
    rng = random.Random(1)
    calls = [call(number, NOW_US + number * 500_000, rng) for number in range(1, PAIRS + 1)]
    settlements = [settlement(of, rng) for of in calls]
    settled = asyncio.get_running_loop().create_future()
    cpu, wall = time.process_time(), time.perf_counter()
    for of, end in zip(calls, settlements, strict=True):
        await ledger.reserve(of, Amount(300_000_000, 120_000, 1))
        settled = ledger.settle(end)
        if awaited:
            await settled
    await settled
    _tell("sequential, both awaited" if awaited else "sequential, reserve awaited", cpu, wall, PAIRS)
    await ledger.close()


async def concurrent(folder: Path) -> None:
    """64 streams at once: transactions are shared."""
    ledger = Ledger.open(folder / "concurrent.db")
    rng = random.Random(2)
    settlements = [settlement(call(number, NOW_US + number * 500_000, rng), rng) for number in range(1, PAIRS + 1)]

    async def stream(part: list[Settlement]) -> None:
        for end in part:
            await ledger.reserve(end.call, Amount(300_000_000, 120_000, 1))
            await ledger.settle(end)

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(stream(settlements[start::64]) for start in range(64)))
    _tell("64 calls at once", cpu, wall, PAIRS)
    await ledger.close()


def sums(folder: Path) -> None:
    """What a charge adds to the sums that are kept beside it: fifty in a transaction one by one, or all together."""
    rng = random.Random(3)
    settlements = [settlement(call(number, NOW_US + number * 30_000_000, rng), rng) for number in range(1, PAIRS + 1)]
    plain = [(of.call, of.charge, of.usage, of.call.model) for of in settlements if of.charge and len(of.legs) == 1]
    for together in (False, True):
        best = 1e9
        for run in range(RUNS):
            conn, _ = open_for_writing(folder / f"sums-{together}-{run}.db", "normal")
            took = 0.0
            for start in range(0, len(plain), len(plain) if together else 50):
                conn.execute("BEGIN")
                cpu = time.thread_time()
                if together:
                    gathered = adding.Gathered(conn)
                    for one in plain:
                        gathered.add(*one)
                    gathered.write()
                else:
                    for one in plain[start : start + 50]:
                        adding.add_plain(conn, *one)
                took += time.thread_time() - cpu
                conn.execute("COMMIT")
            conn.close()
            best = min(best, took)
        what = "sums of a charge, many at once" if together else "sums of a charge"
        print(f"{what:34} {best / len(plain) * 1e6:7.1f} us CPU")


def _tell(what: str, cpu: float, wall: float, times: int) -> None:
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{what:34} {cpu / times * 1e6:7.1f} us CPU   {wall / times * 1e6:7.1f} us wall")


def large(folder: Path, count: int) -> None:
    """Questions to a ledger of many calls over a year, the caches of SQLite and of the system warm."""
    path = folder / "large.db"
    generate(path, count, NOW_US)
    print(f"\n{count:,} calls, {path.stat().st_size / 2**20:.0f} MiB")
    conn = queries.connect_readonly(path)
    day, month, year = NOW_US - DAY_US, NOW_US - 30 * DAY_US, NOW_US - 365 * DAY_US
    repo = Where(repo="/home/somebody/src/repository-3")
    (name,) = conn.execute("SELECT session FROM calls WHERE id = ?", (count // 2,)).fetchone()
    session = Where(session=name)
    questions: dict[str, Callable[[], object]] = {
        "spent: session": lambda: queries.spent(conn, session),
        "spent: repo, day": lambda: queries.spent(conn, repo, day),
        "spent: repo, month": lambda: queries.spent(conn, repo, month),
        "spent: repo, total": lambda: queries.spent(conn, repo),
        "spent: global, month": lambda: queries.spent(conn, since_us=month),
        "totals: today": lambda: queries.totals(conn, since_us=day),
        "totals: all": lambda: queries.totals(conn),
        "session by model": lambda: queries.grouped(conn, ["model"], session),
        "open reservations": lambda: queries.open_reservations(conn),
        "recent sessions": lambda: queries.recent_sessions(conn, 20),
        "report by day, 30 days": lambda: report(conn, ["day"], month, None, queries.ALL, UTC),
        "report by model, 30 days": lambda: report(conn, ["model"], month, None, queries.ALL, UTC),
        "report by repo,model, 30 days": lambda: report(conn, ["repo", "model"], month, None, queries.ALL, UTC),
        "report by day,model, 30 days": lambda: report(conn, ["day", "model"], month, None, queries.ALL, UTC),
        "report by day, all": lambda: report(conn, ["day"], year, None, queries.ALL, UTC),
        "report by hour, all": lambda: report(conn, ["hour"], None, None, queries.ALL, UTC),
        "report by repo, all": lambda: report(conn, ["repo"], None, None, queries.ALL, UTC),
        "report by session, all": lambda: report(conn, ["session"], None, None, queries.ALL, UTC),
        "report by model, all": lambda: report(conn, ["model"], None, None, queries.ALL, UTC),
        "report by month,model, all": lambda: report(conn, ["month", "model"], None, None, queries.ALL, UTC),
    }
    for name, ask in questions.items():
        ask()
        times: list[float] = []
        for _ in range(3):
            started = time.perf_counter()
            ask()
            times.append(time.perf_counter() - started)
        print(f"{name:34} {min(times) * 1e3:9.2f} ms")
    conn.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    wanted = parser.parse_args().calls
    print(f"{datetime.now(UTC):%Y-%m-%d}")
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as name:
        for runner in (asyncio.run, uvloop.run):
            loop = runner.__module__.split(".")[0]
            print(f"reserve + settle, {loop}")
            folder = Path(name) / loop
            folder.mkdir()
            runner(sequential(folder, awaited=False))
            runner(sequential(folder, awaited=True))
            runner(concurrent(folder))
        sums(Path(name))
        if wanted:
            large(Path(name), wanted)


if __name__ == "__main__":
    main()
