"""A team of fifty around one bare repository: how long a turn takes, and what a year of it weighs.

python -m tests.bench.bench_team_git [--members N] [--days N] [--hours N]

Every machine has a clone-less state of its own and reports through `file://`. For each working day of a year each of
them publishes so many times (`--hours`), by the same code as the daemon; the turns themselves are left out, or it would
take a day. Then a machine takes turns with what stands there: with nothing new, with something new from everybody, and
as one that has never seen it. Weighed are the repository, what a new machine fetches, and what a fetch with news of
everybody brings. The bare repository is tidied up every twenty days; hosts do that by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.team.gitrefs.team import DAY, DOLLAR, NOON, Desk, Wall, budget, policy
from tokenguard.policy.rights import Cells
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.gitrefs import backend, periods
from tokenguard.team.gitrefs.document import FILE, Document, encode
from tokenguard.team.shape import Place

RAM = Path("/dev/shm")


def git(folder: Path, *words: str, told: bytes = b"") -> bytes:
    return subprocess.run(["git", *words], cwd=folder, input=told, check=True, capture_output=True).stdout


def weight(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def publish(bare: Path, rules: TeamPolicy, names: list[str], now_us: int, sequence: int, spent: dict[str, int]) -> None:
    """As each of them would, in one go."""
    one = rules.budgets[0]
    near = periods.periods_at(one, now_us).near()
    lines: list[bytes] = []
    for name in names:
        spent[name] += random.randrange(DOLLAR // 10)
        cells = Cells(spent=spent[name], taken={names[0]: spent[name] + DOLLAR}, kept=spent[name] + DOLLAR, want=DOLLAR)
        if name == names[0]:
            given = {who: spent[who] + DOLLAR for who in names[1:]}
            cells = Cells(spent=spent[name], given=given, allot=one.limit, kept=spent[name] + DOLLAR, want=DOLLAR)
        said = {periods.key(window): cells for window in near}
        births = dict.fromkeys(names, "0123456789ab") if name == names[0] else {}
        data = encode(
            Document(1, sequence, "0123456789ab", now_us, {one.name: said}, birth="0123456789ab", births=births)
        )
        ref = f"refs/tokenguard/v1/{rules.name}/{name}"
        who = f"tokenguard <tokenguard@localhost> {now_us // 1_000_000} +0000"
        head = f"reset {ref}\ncommit {ref}\ncommitter {who}\ndata 0\nM 100644 inline {FILE}\ndata {len(data)}\n"
        lines.append(head.encode() + data + b"\n")
    git(bare, "fast-import", "--quiet", "--force", told=b"".join(lines))


async def turns(
    machine: tuple[TeamPolicy, Path, Wall], count: int, before: Callable[[], None] | None = None
) -> list[float]:
    rules, folder, wall = machine
    desk = Desk(wall)
    one = backend(rules, Place(folder, "f" * 16, "e" * 12), wall, seconds=60)
    taken: list[float] = []
    for _ in range(count):
        if before is not None:
            before()
        began = time.perf_counter()
        await one.sync(desk)
        taken.append(time.perf_counter() - began)
    await one.close()
    return taken


def told(what: str, taken: list[float]) -> None:
    print(f"  {what:<44} {statistics.median(taken) * 1_000:6.0f} ms   at most {max(taken) * 1_000:6.0f} ms")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--days", type=int, default=230)
    parser.add_argument("--hours", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as temporary:
        folder = Path(temporary)
        bare = folder / "team.git"
        git(folder, "init", "-q", "--bare", str(bare))
        names = [f"{number:016x}/{number:012x}" for number in range(options.members)]
        rules = policy(treasurer=names[0], one=budget(options.members * 1_000))
        rules = TeamPolicy("web", mode="rights", budgets=rules.budgets, remote=f"file://{bare}", treasurer=names[0])
        wall, sequence, month = Wall(NOON), 0, 0
        spent = dict.fromkeys(names, 0)
        for day in range(options.days):
            wall.at_us = NOON + day * 365 * DAY // options.days
            if month != (month := periods.periods_at(rules.budgets[0], wall.at_us).current.start_us):
                spent = dict.fromkeys(names, 0)
            for _ in range(options.hours):
                sequence += 1
                publish(bare, rules, names, wall.at_us, sequence, spent)
            if day % 20 == 0:
                git(bare, "gc", "--quiet", "--prune=now")
        loose = weight(bare)
        git(bare, "gc", "--quiet", "--prune=now")
        print(f"{options.members} members, {options.days} days, {options.hours} reports of each a day:")
        print(f"  the repository, as it is {loose / 1e6:.2f} MB, after git gc {weight(bare) / 1e6:.3f} MB")
        first = [asyncio.run(turns((rules, folder / f"new{count}", wall), 1))[0] for count in range(5)]
        print(f"  a new machine fetches {weight(folder / 'new0/sync.git/objects') / 1e3:.0f} kB")
        told("the first turn of a machine", first)
        machine = rules, folder / "known", wall
        told("a turn with nothing new", asyncio.run(turns(machine, 15))[1:])

        def everybody() -> None:
            nonlocal sequence
            sequence += 1
            publish(bare, rules, names, wall.at_us, sequence, spent)

        packs = folder / "known/sync.git/objects/pack"
        before = weight(packs)
        told("a turn with news of everybody", asyncio.run(turns(machine, 15, everybody)))
        each = (weight(packs) - before) / 15
        fetches = options.days * options.hours
        print(
            f"  that brings {each / 1e3:.1f} kB with its index; {fetches} times in a year {each * fetches / 1e6:.0f} MB"
        )


if __name__ == "__main__":
    main()
