"""What is long over becomes sums, and nobody's figures change by it, whatever comes late or twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.team.postgres.support import Books, Clock, Team
from tokenguard.errors import TeamError
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamBudget
from tokenguard.team.postgres.connecting import Row, Session
from tokenguard.team.postgres.machine import Machine
from tokenguard.team.shape import Demand

ALL = TeamBudget("all", 100 * NANOS, "total")
DAY = TeamBudget("day", 90 * NANOS, "day")
FIGURES = ("held", "presumed", "spent", "overrun")


@pytest.fixture(autouse=True)
async def web(team: Team) -> Team:
    team.budgets(ALL, DAY, keep_s=0)
    for login in ("ann", "ben"):
        team.member(login)
        await team.enter(login)
    return team


async def grant(team: Team, want: int, lease: str = "", visit: str = "t0") -> str:
    """The name of the lease; empty: refused."""
    names: dict[str, object] = {"team": "web", "repository": "", "machine": "m", "visit": visit}
    rows = await team.step("ann", "grant", **names, lease=lease or str(uuid4()), want=want * NANOS, least=1)
    return str(rows[0]["lease"]) if rows else ""


async def report(team: Team, lease: str, spent: int, *, final: bool = False) -> list[Row]:
    return await team.step("ann", "report", lease=lease, spent=spent * NANOS, keep=0, final=final)


async def closed(team: Team, spent: int) -> str:
    """A lease that was spent in part, and that its holder has told the last of."""
    lease = await grant(team, spent + 1)
    await report(team, lease, spent, final=True)
    return lease


async def fold(team: Team, most: int = 100) -> None:
    await team.step("ben", "fold", team="web", most=most)


def figures(team: Team, budget: str = "all") -> tuple[int, int, int, int]:
    """Held, presumed, spent and overrun, in dollars."""
    assert not team.audit()
    held, presumed, spent, overrun = (team.period(budget)[name] // NANOS for name in FIGURES)
    return held, presumed, spent, overrun


def rows(team: Team) -> tuple[int, int, int]:
    """Leases, their windows, and what the journal has."""
    counts = [team.ask(f"SELECT count(*) AS n FROM tokenguard.{name}") for name in ("lease", "lease_period", "entry")]
    leases, windows, entries = (found[0]["n"] for found in counts)
    return leases, windows, entries


async def test_what_its_holder_has_let_go_of_becomes_sums(team: Team) -> None:
    for spent in (3, 4):
        await closed(team, spent)
    await grant(team, 5)
    before = figures(team)
    assert before == (5, 0, 7, 0)
    await team.enter("ann")
    await fold(team)
    assert rows(team) == (1, 2, 2)
    assert figures(team) == figures(team, "day") == before
    found = team.ask("SELECT machine, held, spent, folded_spent FROM tokenguard.holding")
    assert found == [{"machine": "m", "held": 5 * NANOS, "spent": 7 * NANOS, "folded_spent": 7 * NANOS}] * 2
    # What is free is what was free.
    assert await grant(team, 88, visit="t1")
    assert figures(team, "day") == (83 + 0, 0, 7, 0)


async def test_what_its_holder_remembers_stays(team: Team) -> None:
    known, forgotten = await closed(team, 3), await closed(team, 4)
    await team.enter("ann", known)
    await fold(team)
    assert [row["id"] for row in team.ask("SELECT id::text FROM tokenguard.lease")] == [known] != [forgotten]
    await report(team, known, 5)
    await fold(team)
    assert figures(team) == (0, 0, 9, 2)
    await team.enter("ann")
    await fold(team)
    assert rows(team) == (0, 0, 0)
    assert figures(team) == (0, 0, 9, 2)


async def test_nobody_lets_go_for_others(team: Team) -> None:
    await closed(team, 3)
    await team.enter("ben")
    await team.enter("ann", machine="another")
    await fold(team)
    assert rows(team)[0] == 1


async def test_what_may_come_back_stays(team: Team) -> None:
    """Whether its holder remembers it or not: somebody may write it off."""
    lease = await grant(team, 5)
    await report(team, lease, 2)
    team.lapse()
    await team.step("ben", "expire", team="web", most=10)
    await grant(team, 1)
    await team.enter("ann")
    await fold(team)
    assert rows(team)[0] == 2
    assert figures(team) == (1, 3, 2, 0)
    await team.step("postgres", "write_off", team="web", member="", lease=lease, reason="it was lost")
    await team.enter("ann")
    await fold(team)
    assert rows(team)[0] == 1
    assert figures(team) == (1, 0, 2, 0)


async def test_of_windows_that_are_over_nothing_is_waited_for(team: Team) -> None:
    lease = await grant(team, 5)
    await report(team, lease, 2)
    team.lapse()
    await team.step("ben", "expire", team="web", most=10)
    await closed(team, 4)
    team.ask("UPDATE tokenguard.lease SET over_at = now() - INTERVAL '1 day'")
    await fold(team)
    assert rows(team) == (0, 0, 0)
    assert figures(team) == (0, 3, 6, 0)
    assert await report(team, lease, 4) == []
    assert figures(team) == (0, 3, 6, 0)


@pytest.mark.parametrize(("budgets", "endless"), [((ALL, DAY), True), ((DAY, TeamBudget("year", 1, "year")), False)])
async def test_a_lease_is_over_with_the_last_of_its_windows(
    team: Team, budgets: tuple[TeamBudget, ...], endless: bool
) -> None:
    team.ask("DELETE FROM tokenguard.budget")
    team.budgets(*(replace(one, limit=NANOS) for one in budgets))
    await grant(team, 1)
    (found,) = team.ask(
        "SELECT over_at, (SELECT max(ends_at) FROM tokenguard.period) AS last, let_go FROM tokenguard.lease"
    )
    assert found == {"over_at": None if endless else found["last"], "last": found["last"], "let_go": False}


async def test_it_is_kept_for_a_while(team: Team) -> None:
    team.budgets(ALL, DAY, keep_s=3_600)
    await closed(team, 3)
    await team.enter("ann")
    await fold(team)
    assert rows(team)[0] == 1
    team.ask("UPDATE tokenguard.lease SET over_at = over_at - INTERVAL '61 minutes'")
    await fold(team)
    assert rows(team)[0] == 0
    team.budgets(ALL, DAY)
    assert team.ask("SELECT keep = INTERVAL '1 hour' AS same FROM tokenguard.team") == [{"same": True}]


async def test_it_is_kept_for_90_days_unless_somebody_says_otherwise(team: Team) -> None:
    team.policy = replace(team.policy, name="api")
    team.budgets(TeamBudget("day", 1, "day"))
    found = team.ask("SELECT keep = INTERVAL '90 days' AS same FROM tokenguard.team WHERE name = 'api'")
    assert found == [{"same": True}]


async def test_what_comes_late_finds_nothing_and_changes_nothing(team: Team) -> None:
    lease = await closed(team, 3)
    late: list[tuple[str, dict[str, object]]] = [
        ("visit", {"team": "web", "machine": "m", "visits": 0, "known": ["t0"], "token": "t0", "open": []}),
        ("visit", {"team": "web", "machine": "m", "visits": 0, "known": ["t0"], "token": "t1", "open": []}),
        ("report", {"lease": lease, "spent": 3 * NANOS, "keep": 0, "final": True}),
        ("report", {"lease": lease, "spent": 4 * NANOS, "keep": 0, "final": False}),
    ]
    kept = await closed(team, 1)
    await team.enter("ann", kept)
    await team.enter("ann", kept)
    await fold(team)
    assert rows(team)[0] == 1
    assert await grant(team, 4, lease=lease, visit="t0") == ""
    for name, values in late:
        await team.step("ann", name, **values)
        await fold(team)
    assert rows(team)[0] == 1  # the old visits remembered nothing, and let go of nothing
    assert figures(team) == (0, 0, 4, 0)


async def test_what_does_not_add_up_stays_to_be_looked_at(team: Team) -> None:
    odd = await closed(team, 3)
    await closed(team, 4)
    team.ask("UPDATE tokenguard.entry SET amount = amount + 1 WHERE lease_id = %s AND credit = 'spent'", odd)
    damage = team.audit()
    assert {rule for rule, _ in damage} == {"is not what the journal comes to"}
    await team.enter("ann")
    for _ in range(3):
        await fold(team, most=1)
    assert [row["id"] for row in team.ask("SELECT id::text FROM tokenguard.lease")] == [odd]
    assert sorted(team.audit()) == sorted(damage)


async def test_only_so_many_at_a_time(team: Team) -> None:
    for spent in (1, 2, 3):
        await closed(team, spent)
    await team.enter("ann")
    await fold(team, most=2)
    assert rows(team) == (1, 2, 2 * 3)
    assert figures(team) == (0, 0, 6, 0)


async def test_everything_at_once(team: Team) -> None:
    """Folds cross each other, and reports on what they fold."""
    leases = [await closed(team, 2) for _ in range(12)]
    await team.enter("ann")
    late: list[dict[str, object]] = [
        {"lease": lease, "spent": 3 * NANOS, "keep": 0, "final": False} for lease in leases
    ]
    folding: list[dict[str, object]] = [{"team": "web", "most": 3}] * 6
    answers, _ = await asyncio.gather(team.steps("ann", "report", late), team.steps("ben", "fold", folding))
    overrun = sum(len(found) for found in answers)
    # What was still there when its report came counts, and what was folded then does not.
    assert figures(team) == (0, 0, 24 + overrun, 0 + overrun)
    await fold(team)
    assert rows(team) == (0, 0, 0)
    assert figures(team) == (0, 0, 24 + overrun, 0 + overrun)


@pytest.fixture
def clock(team: Team) -> Clock:
    return Clock(team.now_us())


@pytest.fixture
def books(clock: Clock) -> Books:
    found = Books(clock.us)
    found.needs = Demand(burn=8 * NANOS, largest=NANOS, parallel=2)
    return found


async def test_a_database_does_not_grow_with_what_is_spent(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    seen: list[int] = []
    for _ in range(12):
        await machine.sync(books)
        books.spend(3 * NANOS)
        clock.s += 3_600  # too late to renew it: there will be another
        seen.append(rows(team)[0])
    await machine.sync(books)
    assert max(seen) <= 3
    assert figures(team)[2] == 36
    await machine.leave(books)
    await team.step("ben", "fold", team="web", most=10)
    assert rows(team) == (0, 0, 0)
    assert figures(team) == (0, 0, 36, 0)


async def test_who_comes_back_when_all_of_it_is_over_is_told_of_nothing(team: Team, clock: Clock, books: Books) -> None:
    team.ask("DELETE FROM tokenguard.budget WHERE name = 'all'")
    team.policy = replace(team.policy, budgets=(DAY,))
    await team.machine("ann", clock).sync(books)
    books.spend(3 * NANOS)
    team.lapse()
    # A day passes, and what was is of the day before.
    day_us = 86_400_000_000
    team.ask("UPDATE tokenguard.period SET starts_at = starts_at - INTERVAL '1 day', ends_at = starts_at")
    team.ask("UPDATE tokenguard.lease SET over_at = over_at - INTERVAL '1 day'")
    book = team.book("ann")
    state, _ = book.read()
    (chain,) = state.chains
    state.chains = (replace(chain, since_us=chain.since_us - day_us, until_us=chain.since_us),)
    await book.write(state)
    books.calls = [(at_us - day_us, amount) for at_us, amount in books.calls]
    clock.s += 86_400
    theirs = Books(clock.us)
    await team.machine("ben", clock).sync(theirs)
    await fold(team)
    assert rows(team)[0] == 0
    heard = await team.machine("ann", clock).sync(books)
    assert heard.remarks == ()
    assert figures(team, "day") == (10, 0, 0, 0)
    (before,) = team.ask("SELECT presumed, spent FROM tokenguard.period ORDER BY starts_at LIMIT 1")
    assert before == {"presumed": 10 * NANOS, "spent": 0}


class Killed(BaseException):
    """The process is gone."""


class Life:
    """Of a team and its machines, step by step; every word between them is remembered, and may be said again."""

    def __init__(self, team: Team, name: str, folder: Path, keep_s: int) -> None:
        self.team = team
        self.name = name
        team.policy = self.policy = replace(team.policy, name=name)
        team.budgets(ALL, DAY, keep_s=keep_s)
        self.clocks = [Clock(team.now_us()) for _ in range(3)]
        self.books = [Books(self.clocks[0].us) for _ in range(3)]
        for login in ("ann", "ben"):
            team.member(login)
        self.machines: list[Machine] = []
        self.said: list[tuple[str, str, dict[str, object]]] = []
        self.login = ""
        self.left = 0
        """Steps until the process dies; below 0: it lives."""
        for number in range(3):
            self.machines.append(self._process(number))

    def _process(self, number: int) -> Machine:
        self.team.policy = self.policy
        login, name = ("ann", "ann", "ben")[number], f"{self.name}{number}"
        return self.team.machine(login, self.clocks[number], name=name)

    async def does(self, op: str, number: int, amount: int) -> None:
        self.login = ("ann", "ann", "ben")[number]
        self.left = amount if op == "killed" else -1
        books, machine = self.books[number], self.machines[number]
        match op:
            case "spend":
                books.spend(amount * NANOS // 4)
            case "reserve":
                books.reserved = amount * NANOS // 4
            case "wait":
                self.clocks[number].s += amount * 600
            case "reboot":
                self.clocks[number].boot_id += "'"
                self.machines[number] = self._process(number)
            case "expire":
                await self.team.step(self.login, "expire", team=self.name, most=10)
            case "write-off":
                gone = {"team": self.name, "member": self.login, "lease": "", "reason": "as if it was lost"}
                await self.team.step("postgres", "write_off", **gone)
            case "late":
                if self.said:
                    login, name, values = self.said[-1 - (amount * amount * 3) % len(self.said)]
                    await self.team.step(login, name, **values)
            case _:
                # Who needs nothing has no lease after the one that is closed.
                books.needs = Demand(burn=amount * NANOS, largest=NANOS, parallel=1) if amount % 2 else Demand()
                try:
                    await (machine.leave(books) if op == "leave" else machine.sync(books))
                except Killed:
                    self.machines[number] = self._process(number)

    def figures(self) -> list[tuple[Any, ...]]:
        query = "SELECT b.name, {} FROM tokenguard.period p JOIN tokenguard.budget b ON b.id = p.budget_id".format(
            ", ".join(f"p.{name}" for name in (*FIGURES, "live"))
        )
        where = " JOIN tokenguard.team t ON t.id = b.team_id WHERE t.name = %s ORDER BY b.name"
        return [tuple(row.values()) for row in self.team.ask(query + where, self.name)]


OPS = ("sync", "sync", "sync", "sync", "spend", "spend", "reserve", "wait", "wait", "killed", "late", "late", "late")
RARE = ("expire", "reboot", "write-off", "leave", "lapse")


@pytest.mark.parametrize("seed", range(6))
async def test_nobody_can_tell_whether_it_was_folded(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The same life twice: one team keeps everything, of the other one all is folded that can be, at once."""
    rng = Random(seed)
    keeps, folds = Life(team, "keeps", tmp_path, 86_400), Life(team, "folds", tmp_path, 0)
    run = Session.run
    lives = {"now": keeps}

    async def heard(self: Session, name: str, **values: object) -> list[Row]:
        life = lives["now"]
        rows = await run(self, name, **values)
        if name != "fold":
            life.said.append((life.login, name, values))
            if life.left == 0:
                raise Killed
            life.left -= 1
        return rows

    for _ in range(90):
        op = rng.choice(RARE) if rng.random() < 0.12 else rng.choice(OPS)
        number, amount = rng.randrange(3), rng.randrange(1, 12)
        if op == "lapse":
            team.lapse("ann" if number else "ben")
            continue
        for life in (keeps, folds):
            lives["now"] = life
            with monkeypatch.context() as patch:
                patch.setattr(Session, "run", heard)
                try:
                    await life.does(op, number, amount)
                except TeamError as error:
                    pytest.fail(f"{op}: {error}")
        assert keeps.figures() == folds.figures(), op
        assert not team.audit()
    await team.step("ann", "fold", team="folds", most=1_000)
    left = team.ask(
        "SELECT t.name, count(l.id) AS n, count(l.id) FILTER (WHERE l.let_go) AS gone"
        " FROM tokenguard.team t LEFT JOIN tokenguard.lease l ON l.team_id = t.id GROUP BY t.name"
    )
    (many, gone), (few, none) = ((row["n"], row["gone"]) for row in sorted(left, key=lambda row: -row["n"]) if row["n"])
    assert (many - few, none) == (gone, 0)
    assert gone
    assert keeps.figures() == folds.figures()
    assert not team.audit()
