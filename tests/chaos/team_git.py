"""A team that shares a limit through git refs, with everything going wrong that can, and a member that lies.

python -m tests.chaos.team_git [--runs N] [--git N] [--kills N] [--seed N] [--run N]

Each run has five machines around one place: a treasurer, three members and a liar that writes whatever it likes into
its own ref. They spend, take turns alone and at once, are cut off, crash before and after they have published, are
copied with all that they know, have clocks that are a month off, leave and come back; all refs are deleted at least
twice, or are put back as they were. After each step, what was spent and set aside, what each may still begin, and all
that the liar was handed, must be within the limit of each period. At the end everybody is back, and spends what can be
spent: nine tenths must be usable, unless the liar said that it was the treasurer, which stops whoever would begin a
period.

`--runs` are around refs in memory, `--git` around a real bare repository, `--kills` with a process for each machine
that ends by `kill -9`, again and again (`tests.chaos.team_git_kills`). `--run` plays a single one again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from tests.chaos import team_git_kills
from tests.team.gitrefs.team import DAY, DOLLAR, MINUTE, NOON, Call, Desk, Refs, View, Wall, budget, period_of, policy
from tokenguard.errors import TeamError
from tokenguard.policy.rights import Cells, Holding
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.gitrefs import backend
from tokenguard.team.gitrefs.document import Document, encode
from tokenguard.team.gitrefs.exchange import Refs as Reached
from tokenguard.team.gitrefs.machine import GitRefs
from tokenguard.team.gitrefs.memory import State
from tokenguard.team.gitrefs.periods import start_us
from tokenguard.team.gitrefs.process import Runner
from tokenguard.team.gitrefs.remote import Pushed, Remote
from tokenguard.team.shape import Demand, Place

HONEST = ("ann", "bob", "cid", "dan")
LIMIT = 100
USABLE = 0.9
RAM = Path("/dev/shm")


class Hub(Protocol):
    """The one place that all of them reach."""

    def open(self, name: str, folder: Path, rules: TeamPolicy, clock: Wall) -> GitRefs: ...
    def cut(self, folder: Path, away: bool) -> None: ...
    def crash(self, folder: Path, how: Callable[[], None] | None, after: bool) -> None: ...
    def liar(self) -> Reached: ...
    def wipe(self) -> None: ...
    def backup(self) -> dict[str, str]: ...
    def restore(self, kept: dict[str, str]) -> None: ...


class Memory:
    """In memory."""

    def __init__(self, folder: Path) -> None:
        self._refs = Refs()
        self._views: dict[Path, View] = {}

    def open(self, name: str, folder: Path, rules: TeamPolicy, clock: Wall) -> GitRefs:
        view = self._views.setdefault(folder, self._refs.seen_by(folder))
        return GitRefs(rules, Place(folder, name, "m"), clock, view, Runner(), 10.0)

    def cut(self, folder: Path, away: bool) -> None:
        self._views[folder].away = away

    def crash(self, folder: Path, how: Callable[[], None] | None, after: bool) -> None:
        setattr(self._views[folder], "after_push" if after else "before_push", how)

    def liar(self) -> Reached:
        return self._refs.seen_by(Path())

    def wipe(self) -> None:
        self._refs.refs.clear()

    def backup(self) -> dict[str, str]:
        return {who: data.hex() for who, data in self._refs.refs.items()}

    def restore(self, kept: dict[str, str]) -> None:
        self._refs.refs = {who: bytes.fromhex(data) for who, data in kept.items()}


class Bare:
    """A bare repository, and a clone for each machine, which is all that it is told of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bare = folder / "team.git"
        self._git("init", "-q", "--bare", str(self._bare))

    def open(self, name: str, folder: Path, rules: TeamPolicy, clock: Wall) -> GitRefs:
        clone = self._clone(folder)
        if not clone.exists():
            self._git("init", "-q", str(clone))
            self._git("remote", "add", "origin", f"file://{self._bare}", at=clone)
        return backend(rules, Place(folder, name, "m", clone), clock, seconds=60)

    def cut(self, folder: Path, away: bool) -> None:
        url = "file:///nowhere" if away else f"file://{self._bare}"
        self._git("remote", "set-url", "origin", url, at=self._clone(folder))

    def crash(self, folder: Path, how: Callable[[], None] | None, after: bool) -> None:
        """Not in one process with all the others: see `team_git_kills`."""

    def liar(self) -> Reached:
        runner = Runner()
        runner.begin(3_600)
        folder = self._folder / "liar"
        folder.mkdir(exist_ok=True)
        return Remote(folder, "web", f"file://{self._bare}", None, runner)

    def wipe(self) -> None:
        self.restore({})

    def backup(self) -> dict[str, str]:
        listed = self._git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tokenguard", at=self._bare)
        return dict((line.split()[0], line.split()[1]) for line in listed.splitlines())

    def restore(self, kept: dict[str, str]) -> None:
        for ref in self.backup().keys() - kept.keys():
            self._git("update-ref", "-d", ref, at=self._bare)
        for ref, commit in kept.items():
            self._git("update-ref", ref, commit, at=self._bare)

    def _clone(self, folder: Path) -> Path:
        return self._folder / "clones" / folder.name

    def _git(self, *words: str, at: Path | None = None) -> str:
        return subprocess.run(
            ["git", *words], cwd=at or self._folder, check=True, capture_output=True, text=True
        ).stdout


class Machine:
    """One machine, over all of its processes."""

    def __init__(self, hub: Hub, folder: Path, name: str, rules: TeamPolicy, clock: Wall) -> None:
        self.hub, self.folder, self.name, self.rules, self.clock = hub, folder, name, rules, clock
        self.desk = Desk(clock)
        self.open: list[Call] = []
        self.away = False
        self.off_us = 0
        self.left = False
        self.backend = hub.open(name, folder, rules, clock)

    async def sync(self) -> None:
        try:
            self.desk.hear(await self.backend.sync(self.desk))
            self.left = False
        except TeamError:
            pass

    async def again(self) -> None:
        await self.backend.close()
        self.backend = self.hub.open(self.name, self.folder, self.rules, self.clock)
        self.desk.hear(self.backend.last())

    def state(self) -> State | None:
        file = self.folder / "state.json"
        return msgspec.json.decode(file.read_bytes(), type=State) if file.exists() else None


class Outcome(Struct):
    """How a run ended."""

    number: int
    broken: str
    used: float
    """Of the limit, at the end: what was spent, and what the liar was handed."""
    claims: bool
    did: dict[str, int]
    seconds: float


class Run:
    """One run; all of it follows from its seed."""

    def __init__(self, hub: Hub, folder: Path, seed: str, steps: int) -> None:
        self.random = random.Random(seed)
        self.hub = hub
        self.folder = folder
        self.steps = steps
        self.rules = policy(one=budget(LIMIT, self.random.choice(["month", "week", "day"])))
        self.start_us = NOON + self.random.randrange(14) * DAY
        self.machines = [self._machine(name, folder / name) for name in HONEST]
        self.liar = hub.liar()
        self.sequence = 0
        self.backups: list[dict[str, str]] = []
        self.raised: Counter[int] = Counter()
        self.did: Counter[str] = Counter()
        self.copies = 0
        self.claims = self.random.random() < 0.2
        """Whether the liar says that it is the treasurer."""

    def _machine(self, name: str, folder: Path) -> Machine:
        return Machine(self.hub, folder, name, self.rules, Wall(self.start_us))

    async def play(self) -> tuple[str, float]:
        """What was broken, and how much of the limit could be used."""
        table: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (30, self.spend),
            (10, self.settle),
            (20, self.turn),
            (5, self.turns_at_once),
            (4, self.cut),
            (4, self.crash),
            (6, self.lie),
            (1, self.wipe),
            (1, self.back_up),
            (1, self.restore),
            (1, self.copy),
            (1, self.wrong_clock),
            (2, self.time_passes),
            (1, self.change),
            (1, self.ask),
            (1, self.leave),
        ]
        await self.machines[0].sync()
        wipes = {self.steps // 3, self.steps * 2 // 3}
        for step in range(self.steps):
            weights = [weight for weight, _ in table]
            act = self.wipe if step in wipes else self.random.choices(table, weights)[0][1]
            self.did[act.__name__] += 1
            await act()
            broken = self.broken()
            if broken:
                return f"{broken} after step {step}, {act.__name__}", 0.0
        return await self.end()

    async def end(self) -> tuple[str, float]:
        for machine in self.machines:
            self.hub.cut(machine.folder, False)
            machine.away = False
            machine.clock.at_us -= machine.off_us
            machine.off_us = 0
        idle = 0
        while idle < 5:
            idle += 1
            for machine in self.machines:
                for call in machine.open:
                    machine.desk.settle(call, call.reserved)
                machine.open = []
                while machine.desk.spend("all", DOLLAR // 2):
                    idle = 0
                machine.desk.wanted = Demand(short=2 * DOLLAR)
                await machine.sync()
            broken = self.broken()
            if broken:
                return f"{broken} at the end", 0.0
        now = period_of(self.rules.budgets[0], self.machines[0].clock.at_us)
        # What a copy finds in its books that was not reported before counts twice, and can be spent once.
        counted = sum(spent for machine in self.machines for spent in _spent(machine.state(), now))
        return "", (counted + self.lied()[now]) / self.limit(now)

    async def close(self) -> None:
        for machine in self.machines:
            await machine.backend.close()

    def taken(self) -> Counter[int]:
        """Spent and set aside by the honest, by when the period begins; a copy has the same calls in its books."""
        calls = {id(call): call for machine in self.machines for call in machine.desk.calls}
        sums: Counter[int] = Counter()
        for call in calls.values():
            sums[period_of(self.rules.budgets[0], call.at_us)] += call.spent + call.reserved
        return sums

    def lied(self) -> Counter[int]:
        """What the liar was handed and did not give back: all of it may be spent."""
        state = self.machines[0].state()
        sums: Counter[int] = Counter()
        for period, holding in (state.holdings.get("all", {}) if state else {}).items():
            sums[start_us(period)] += holding.said.given.get("eve/m", 0) - holding.confirmed.get("eve/m", 0)
        return sums

    def limit(self, begin_us: int) -> int:
        return LIMIT * DOLLAR + self.raised[begin_us]

    def broken(self) -> str:
        taken, lied = self.taken(), self.lied()
        for machine in self.machines:
            for share in machine.desk.shares.values():
                # What it may begin before it hears anything else counts as if it had.
                own = machine.desk.taken(share.budget, share.since_us, share.until_us)
                taken[share.since_us] += max(0, (share.granted or 0) - own.spent - own.reserved)
        for begin_us in {*taken, *lied}:
            over = taken[begin_us] + lied[begin_us] - self.limit(begin_us)
            if over > 0 or lied[begin_us] < 0:
                return f"${over / DOLLAR:.2f} over in the period of {begin_us}"
        below = [cell for machine in self.machines for cell in _cells(machine.state()) if cell < 0]
        return f"{below[0]} is below zero" if below else ""

    def one(self) -> Machine:
        return self.random.choice(self.machines)

    async def spend(self) -> None:
        machine = self.one()
        amount = self.random.randrange(1, 4 * DOLLAR)
        call = machine.desk.admit("all", amount)
        if call is not None:
            machine.open.append(call)
        machine.desk.wanted = Demand(
            burn=self.random.randrange(3 * DOLLAR),
            largest=amount,
            short=0 if call else amount - machine.desk.room("all"),
            parallel=1 + len(machine.open),
        )

    async def settle(self) -> None:
        machine = self.one()
        for call in machine.open:
            machine.desk.settle(call, call.reserved * self.random.randrange(5) // 4)
        machine.open = []

    async def turn(self) -> None:
        await self.one().sync()

    async def turns_at_once(self) -> None:
        machines = self.random.sample(self.machines, 3)

        async def spending() -> None:
            for machine in machines:
                await asyncio.sleep(0)
                room = max(0, machine.desk.room("all"))
                call = machine.desk.admit("all", room if self.random.random() < 0.4 else room // 5)
                if call is not None:
                    machine.open.append(call)

        await asyncio.gather(*(machine.sync() for machine in machines), spending())

    async def cut(self) -> None:
        machine = self.one()
        machine.away = not machine.away
        self.hub.cut(machine.folder, machine.away)

    async def crash(self) -> None:
        """It dies before or after it was heard, or just so; what it was about to say is nobody's."""
        machine = self.one()

        def die() -> None:
            raise TeamError("killed")

        after = self.random.random() < 0.5
        self.hub.crash(machine.folder, die if self.random.random() < 0.8 else None, after)
        await machine.sync()
        self.hub.crash(machine.folder, None, after)
        await machine.again()

    async def lie(self) -> None:
        """Anything, or what it said before with something changed; most of what counts, it cannot know."""

        def amount() -> int:
            return self.random.choice([0, 1, self.random.randrange(20 * DOLLAR), 100 * DOLLAR, 10**18])

        def whom() -> dict[str, int]:
            return {f"{self.random.choice(HONEST)}/m": amount() for _ in range(self.random.randrange(3))}

        state = self.machines[0].state()
        periods = list(state.holdings.get("all", {})) if state else []
        lies = {
            period: Cells(
                amount(),
                whom(),
                whom(),
                amount() if self.claims else 0,
                amount(),
                amount(),
                amount(),
                amount(),
            )
            for period in periods
        }
        self.sequence += self.random.choice([-1, 1, 1, 1, 1000])
        at_us = self.machines[0].clock.at_us + self.random.choice([0, 0, 0, -40 * DAY, 40 * DAY])
        try:
            found = self.liar.fetch().get("eve/m")
            document = Document(1, max(0, self.sequence), "eve", at_us, {"all": lies})
            pushed = self.liar.push("eve/m", encode(document), 1, found.commit if found else "")
            assert pushed is Pushed.DONE
        except TeamError:
            pass

    async def wipe(self) -> None:
        self.hub.wipe()

    async def back_up(self) -> None:
        self.backups.append(self.hub.backup())

    async def restore(self) -> None:
        if self.backups:
            self.hub.restore(self.random.choice(self.backups))

    async def copy(self) -> None:
        """All that a machine knows is on another one as well, and both go on."""
        if self.copies < 2:
            machine = self.one()
            self.copies += 1
            folder = self.folder / f"copy{self.copies}"
            if machine.folder.exists():
                shutil.copytree(machine.folder, folder)
            copied = self._machine(machine.name, folder)
            copied.clock.at_us = machine.clock.at_us - machine.off_us
            copied.desk.calls = list(machine.desk.calls)
            copied.desk.hear(copied.backend.last())
            self.machines.append(copied)

    async def wrong_clock(self) -> None:
        machine = self.one()
        if machine.off_us:
            machine.clock.at_us -= machine.off_us
            machine.off_us = 0
        else:
            machine.off_us = self.random.choice([-31, -7, -1, 1, 7, 31, 400]) * DAY
            machine.clock.at_us += machine.off_us
        machine.desk.hear(machine.backend.last())

    async def time_passes(self) -> None:
        passed = self.random.choice([MINUTE, 60 * MINUTE, 6 * 60 * MINUTE])
        for machine in self.machines:
            machine.clock.at_us += passed
            machine.desk.hear(machine.backend.last())

    async def change(self) -> None:
        treasurer = self.machines[0]
        amount = self.random.randrange(10 * DOLLAR)
        try:
            heard = await treasurer.backend.change("all", amount, "more")
        except TeamError:
            return
        treasurer.desk.hear(heard)
        self.raised[period_of(self.rules.budgets[0], treasurer.clock.at_us)] += amount

    async def ask(self) -> None:
        machine = self.one()
        try:
            machine.desk.hear(await machine.backend.lease(machine.desk, 5 * DOLLAR))
        except TeamError:
            pass

    async def leave(self) -> None:
        machine = self.one()
        machine.desk.shares = {}
        try:
            await machine.backend.leave(machine.desk)
        except TeamError:
            pass


def _spent(state: State | None, begin_us: int) -> list[int]:
    periods = state.holdings.get("all", {}) if state else {}
    return [holding.said.spent for period, holding in periods.items() if start_us(period) == begin_us]


def _cells(state: State | None) -> list[int]:
    holdings: list[Holding] = (
        [] if state is None else [one for many in state.holdings.values() for one in many.values()]
    )
    return [
        cell
        for holding in holdings
        for cell in (
            holding.said.spent,
            holding.said.kept,
            *holding.said.given.values(),
            *holding.said.taken.values(),
            *holding.confirmed.values(),
        )
    ]


def run(number: int, seed: int, *, real: bool, steps: int) -> Outcome:
    """One run in a folder of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as temporary:
        folder = Path(temporary)
        hub: Hub = Bare(folder) if real else Memory(folder)
        one = Run(hub, folder / "state", f"{seed} {number}", steps)

        async def play() -> tuple[str, float]:
            try:
                return await one.play()
            finally:
                await one.close()

        broken, used = asyncio.run(play())
        if not broken and used < USABLE and not one.claims:
            broken = f"only {used:.1%} of the limit could be used"
        return Outcome(number, broken, used, one.claims, dict(one.did), time.monotonic() - began)


def told(title: str, outcomes: list[Outcome]) -> None:
    did = sum((Counter(one.did) for one in outcomes), Counter[str]())
    used = sorted(one.used for one in outcomes if not one.broken and not one.claims)
    print(f"{title}: {len(outcomes)} runs, {sum(1 for one in outcomes if one.broken)} broken")
    if used:
        print(f"  of the limit could be used: least {used[0]:.1%}, median {used[len(used) // 2]:.1%}")
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(did.items())))


def main() -> None:
    """Play, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--git", type=int, default=10)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", type=int)
    parser.add_argument("--steps", type=int, default=250)
    options = parser.parse_args()
    failed = False
    for title, count, real in (("in memory", options.runs, False), ("through git", options.git, True)):
        numbers = range(count) if options.run is None else [options.run] * bool(count)
        outcomes: list[Outcome] = []
        for number in numbers:
            outcomes.append(one := run(number, options.seed, real=real, steps=options.steps))
            if one.broken:
                failed = True
                print(f"BROKEN: {title}, seed {options.seed}, run {number}: {one.broken}", flush=True)
        told(title, outcomes)
    if options.kills and options.run is None:
        kills = team_git_kills.run(options.kills, options.seed)
        failed |= bool(kills.broken)
        print(
            f"killed: {kills.kills} times, with {kills.wipes} wipes, in {kills.seconds:.0f} s: "
            f"{kills.broken or f'${kills.spent / DOLLAR:.2f} of ${LIMIT} spent'}"
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
