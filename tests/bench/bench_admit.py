"""CPU of an admission with many budgets and many calls in their windows: `python -m tests.bench.bench_admit`.

All budgets apply to every call, and the ledger holds 100,000 calls of the windows. The durable write is left out: a
reservation returns at once. What the ledger's own thread takes is in `bench_ledger`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC
from pathlib import Path

from msgspec.structs import replace

from tests.support.house import CATALOGUE, MODEL, Clock, House, answer, request
from tokenguard.guard import Desk, Guard, OpenSession
from tokenguard.guard.teams import Team
from tokenguard.ledger import Ledger, Settlement, writes
from tokenguard.ledger.opening import open_for_writing
from tokenguard.policy.windows import window_at
from tokenguard.records import Amount, Budget, Call, Charge, Leg, Unit, Usage, Verdict
from tokenguard.records.teams import Heard, Share, TeamBudget, TeamPolicy

CALLS = 1_000
ROUNDS = 7
IN_WINDOW = 100_000
HOUR_US = 3_600_000_000

SCOPES = ("global", "repo", "session", "agent", "model", "provider", "branch", "user")
WINDOWS = ("day", "month", "total", "rolling 5h", "week", "quarter", "rolling 7d")


class Unwritten(Ledger):
    """Reserves without writing; everything else is the ledger."""

    async def reserve(self, call: Call, reserved: Amount, verdict: Verdict | None = None) -> None:
        """Done at once."""


def budgets(count: int) -> list[Budget]:
    """That many, all of which count every call, and none of which is used up."""
    units = (Unit.USD, Unit.USD, Unit.TOKENS, Unit.CALLS)
    return [
        Budget(
            f"b{index}",
            10**15,
            scope=SCOPES[index % len(SCOPES)],
            unit=units[index % len(units)],
            window="session" if SCOPES[index % len(SCOPES)] == "session" else WINDOWS[index % len(WINDOWS)],
            match=(("model", "claude-*"),) if index % 2 else (),
            mode="strict" if index % 3 == 0 else "calibrated",
        )
        for index in range(count)
    ]


def fill(path: Path, template: Call, calls: int) -> None:
    """Calls of the last hours of the windows, by the same session in the same repository."""
    conn, _ = open_for_writing(path, "normal")
    conn.execute("BEGIN")
    for number in range(1, calls + 1):
        started_us = template.started_us - 4 * HOUR_US * (calls - number) // calls
        usage = Usage(500, 60_000, 2_000, 0, 600)
        charge, legs = Charge(30_000_000, leg_nanos=(30_000_000,)), (Leg(MODEL, usage),)
        made = replace(template, id=number, started_us=started_us)
        writes.settle(conn, Settlement(made, charge, started_us + 1, "ok", legs, usage, MODEL, f"msg_{number}", 200))
    conn.execute("COMMIT")
    conn.close()


def team(count: int, repo: str, now_us: int) -> Team:
    """A team with that many budgets, of which this machine was handed more than enough."""
    shared = tuple(TeamBudget(f"t{index}", 10**15, WINDOWS[1 + index % 2]) for index in range(count))
    windows = [window_at(one.window, now_us, UTC) for one in shared]
    shares = tuple(
        Share(one, window.start_us, window.end_us, others=10**12, granted=10**14, usable_s=10**12)
        for one, window in zip(shared, windows, strict=True)
    )
    return Team("web", TeamPolicy("web", mode="rights", budgets=shared), {repo: 0}, Heard(now_us, shares))


async def measure(count: int, calls: int, shared: int = 0) -> tuple[float, float, float]:
    """Microseconds of CPU a call, median and worst of the rounds; and milliseconds of the first admission.

    `shared` are the budgets of a team, besides the `count` others.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), Clock()
        house = House(folder, clock)
        session = await house.session()
        template = house.begin(session)
        await house.ledger.close()
        fill(folder / "ledger.db", template, calls)
        house.ledger = Unwritten.open(folder / "ledger.db")
        house.guard = Guard(house.ledger, CATALOGUE, house.config(*budgets(count)), clock)
        house.desk = Desk(house.guard, house.ledger)
        if shared:
            house.guard.teams.take([team(shared, str(house.repo), clock.now_us)])
        opened = OpenSession(agent=session.agent, cwd=str(house.repo), id=session.id, token=house.token)
        session, _ = await house.desk.open_session(opened)
        facts = request()
        call = house.begin(session, facts)
        began = time.perf_counter()
        await house.guard.admit(call, facts)
        first = time.perf_counter() - began
        house.guard.settle(call, answer(), status=200, outcome="ok")
        rounds: list[float] = []
        for _ in range(ROUNDS):
            spent = 0.0
            for _ in range(CALLS):
                clock.now_us += 1_000
                call = house.begin(session, facts)
                begun = time.thread_time()
                admission = await house.guard.admit(call, facts)
                spent += time.thread_time() - begun
                if admission.refusal is not None:
                    raise RuntimeError(admission.verdict.reason)
                house.guard.settle(call, answer(), status=200, outcome="ok")
            await house.guard.counting.tally.written()
            rounds.append(spent / CALLS * 1e6)
        await house.ledger.close()
    return statistics.median(rounds), max(rounds), first * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=IN_WINDOW, help="in the windows (default 100,000)")
    calls = parser.parse_args().calls
    for count, shared in ((1, 0), (10, 0), (10, 4), (50, 0), (50, 4)):
        median, worst, first = asyncio.run(measure(count, calls, shared))
        teams = f" and {shared} of a team" if shared else ""
        print(
            f"{count:3} budgets{teams}, {calls:,} calls: admit {median:6.1f} µs of CPU (worst round {worst:.1f}), "
            f"the first one {first:.1f} ms"
        )


if __name__ == "__main__":
    main()
