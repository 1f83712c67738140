"""CPU of admission and settlement, ledger included: `python -m tests.bench.bench_guard`."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.house import Clock, House, answer, request
from tokenguard.records import Budget, Unit

CALLS = 2_000
ROUNDS = 5


def budgets(count: int) -> list[Budget]:
    """That many budgets over the scopes, none of which refuses."""
    scopes = ("global", "repo", "session", "agent", "model")
    units = tuple(Unit)
    return [
        Budget(
            f"b{index}",
            10**15,
            scope=scopes[index % len(scopes)],
            unit=units[index % len(units)],
            window=("day", "month", "total")[index % 3] if scopes[index % len(scopes)] != "session" else "session",
            match=(("model", "claude-*"),) if index % 2 else (),
        )
        for index in range(count)
    ]


async def measure(count: int) -> tuple[float, float]:
    """Median microseconds of process CPU per call, (admit, settle)."""
    os.environ["TZ"] = "Europe/Berlin"
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), Clock())
        house.budgets(*budgets(count))
        session = await house.session()
        admits: list[float] = []
        settles: list[float] = []
        for _ in range(ROUNDS):
            admit = settle = 0.0
            for _ in range(CALLS):
                facts = request()
                begun = time.process_time()
                call = house.begin(session, facts)
                await house.guard.admit(call, facts)
                admitted = time.process_time()
                house.guard.settle(call, answer(), status=200, outcome="ok")
                await house.guard.counting.tally.written()
                admit += admitted - begun
                settle += time.process_time() - admitted
            admits.append(admit / CALLS * 1e6)
            settles.append(settle / CALLS * 1e6)
        await house.ledger.close()
    return statistics.median(admits), statistics.median(settles)


def main() -> None:
    for count in (0, 3, 50):
        admit, settle = asyncio.run(measure(count))
        print(f"{count:3} budgets: admit {admit:6.0f} µs   settle {settle:6.0f} µs of CPU a call, ledger included")


if __name__ == "__main__":
    main()
