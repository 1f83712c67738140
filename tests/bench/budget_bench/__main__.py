"""Budgets of several guards under the same work: python -m tests.bench.budget_bench [--worth N] [--only TEXT]

Agents work in parallel through a guard whose limit is worth `--worth` of their calls, until it refuses them. Printed is
what the simulated provider billed beyond the limit, how many calls were refused that would have fitted, how much of the
limit could be used, and what was spent in all when the guard was killed (`kill -9`) at half of the limit and started
again. Everybody gets the same requests, and a price list that agrees with the provider's.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from tests.bench.budget_bench.agents import Agents, Call, Work, false_blocks, worth_of
from tests.bench.budget_bench.guards import GUARDS, Guard, Redis
from tokenguard import simulator

RUNS = ((1, False, False), (8, False, False), (32, False, False), (8, False, True), (8, True, False), (32, True, False))
"""Agents at once; whether answers are streams; whether agents go on after a refusal."""
SPEED = 4_000.0
"""Output tokens a second: a call takes about a tenth of a second, so that calls are in flight together."""
NANOS = 1_000_000_000


class Row(Struct, frozen=True):
    """What one run showed."""

    calls: int
    refused: int
    false: int
    errors: tuple[str, ...]
    used: float
    """Of the limit, by the provider's bill."""


def play(guard: Guard, work: Work, worth: int, *, kill: bool) -> Row:
    """One run of a guard."""
    limit = worth_of(work, worth)
    with tempfile.TemporaryDirectory(prefix="budget-bench-") as name, simulator.spawn(speed=SPEED) as provider:
        folder = Path(name)
        redis = Redis(folder) if guard.redis else None
        running = guard.make(folder, provider.port, limit / NANOS, redis.port if redis else 0)
        try:
            running.start()
            made: list[Call] = []
            if kill:
                first = Agents(work, running.port, running.path, running.headers)
                asyncio.run(_until_killed(first, limit // 2, running.kill))
                made += first.calls
                running.start()
            agents = Agents(work, running.port, running.path, running.headers)
            asyncio.run(agents.run())
            billed = provider.bill().total_nanos
        finally:
            with suppress(AssertionError):
                running.kill()
            if redis:
                redis.close()
    calls = agents.calls
    return Row(
        calls=len(calls) + len(made),
        refused=sum(not call.let_through and not call.error for call in calls),
        false=false_blocks([*made, *calls], limit),
        errors=tuple(call.error for call in calls if call.error),
        used=billed / limit,
    )


async def _until_killed(agents: Agents, spent: int, kill: Callable[[], None]) -> None:
    """Their calls end with the guard, not in good order before it."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(agents.run())
        while agents.taken < spent and not task.done():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.002)
        kill()
        task.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worth", type=int, default=200, help="calls that the limit is worth (default 200)")
    parser.add_argument("--only", default="", help="guards whose name has this")
    parser.add_argument("--part", choices=("all", "work", "kills"), default="all")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    wanted = [guard for guard in GUARDS if arguments.only in guard.name]
    notes: list[str] = [f"{guard.name}: {what}" for guard in wanted if (what := guard.missing())]
    wanted = [guard for guard in wanted if not guard.missing()]
    if arguments.part != "kills":
        notes += _work(wanted, arguments.worth, arguments.seed)
    if arguments.part != "work":
        notes += _kills(wanted, arguments.worth, arguments.seed)
    for note in notes:
        print(f"\n{note}")


def _work(guards: list[Guard], worth: int, seed: int) -> Iterator[str]:
    """The table of the work; what went wrong besides."""
    print("| guard | answers | agents at once | calls | over the limit | false blocks | of calls | limit used |")
    print("|---|---|---|---|---|---|---|---|")
    for guard in guards:
        for streams, streaming, persists in RUNS:
            work = Work(streams, 4 * worth // streams + 20, streaming, persists, seed)
            row = play(guard, work, worth, kill=False)
            yield from (f"{guard.name}, {streams} at once: {error}" for error in row.errors[:1])
            kind = f"{_kind(streaming)} | {streams}, {'go on' if persists else 'stop'}"
            print(f"| {guard.name} | {kind} | {row.calls} {_rest(row)}", flush=True)


def _kills(guards: list[Guard], worth: int, seed: int) -> Iterator[str]:
    """The same of guards that are killed."""
    print("\nKilled at half of the limit, with eight agents at once, and started again:\n")
    print("| guard | answers | calls | over the limit | false blocks | of calls | limit used |")
    print("|---|---|---|---|---|---|---|")
    for guard in guards:
        for streaming in (False, True):
            row = play(guard, Work(8, 4 * worth // 8 + 20, streaming, False, seed), worth, kill=True)
            yield from (f"{guard.name}, killed: {error}" for error in row.errors[:1])
            print(f"| {guard.name} | {_kind(streaming)} | {row.calls} {_rest(row)}", flush=True)


def _kind(streaming: bool) -> str:
    return "streams" if streaming else "documents"


def _rest(row: Row) -> str:
    errors = f", {len(row.errors)} failed" if row.errors else ""
    return f"| {max(0.0, row.used - 1):.1%} | {row.false}{errors} | {row.false / row.calls:.2%} | {row.used:.1%} |"


if __name__ == "__main__":
    main()
