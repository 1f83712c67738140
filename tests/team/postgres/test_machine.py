"""What a machine leases, reports, remembers and gives back."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.team.postgres.support import MONTH, Books, Clock, Team, room
from tokenguard.errors import TeamError
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import Heard, Share, TeamBudget
from tokenguard.team.postgres.connecting import Row, Session
from tokenguard.team.shape import Demand

USUAL = Demand(burn=8 * NANOS, largest=NANOS, parallel=2)
"""Asks for $10."""


@pytest.fixture(autouse=True)
def web(team: Team) -> Team:
    team.budgets(MONTH)
    team.member("ann")
    team.member("ben")
    return team


@pytest.fixture
def clock(team: Team) -> Clock:
    return Clock(team.now_us())


@pytest.fixture
def books(clock: Clock) -> Books:
    found = Books(clock.us)
    found.needs = USUAL
    return found


def share(heard: Heard, budget: str = "month") -> Share:
    (found,) = [share for share in heard.shares if share.budget.name == budget]
    return found


def held(team: Team) -> tuple[int, int, int]:
    """Held, presumed and spent, in dollars."""
    assert not team.audit()
    period = team.period()
    return period["held"] // NANOS, period["presumed"] // NANOS, period["spent"] // NANOS


async def test_it_leases_spends_and_reports(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    heard = await machine.sync(books)
    assert room(heard, books) == 10 * NANOS
    assert share(heard).usable_s == pytest.approx(clock.s + 3_600 * 0.98, abs=1)
    books.spend(4 * NANOS)
    assert room(heard, books) == 6 * NANOS
    heard = await machine.sync(books)
    assert room(heard, books) == 6 * NANOS
    assert held(team) == (6, 0, 4)


async def test_more_is_leased_when_half_is_used(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(6 * NANOS)
    assert room(await machine.sync(books), books) == 14 * NANOS
    assert held(team) == (14, 0, 6)


async def test_who_needs_nothing_leases_nothing(team: Team, clock: Clock, books: Books) -> None:
    books.needs = Demand()
    heard = await team.machine("ann", clock).sync(books)
    assert room(heard, books) == 0
    assert share(heard).free == MONTH.limit
    assert share(heard).usable_s == math.inf
    assert team.ask("SELECT * FROM tokenguard.lease") == []


async def test_a_call_that_waits_is_served(team: Team, clock: Clock, books: Books) -> None:
    books.needs = Demand(short=40 * NANOS)
    assert room(await team.machine("ann", clock).sync(books), books) == 40 * NANOS


async def test_what_others_do_is_told(team: Team, clock: Clock, books: Books) -> None:
    theirs = Books(clock.us)
    theirs.needs = Demand(short=30 * NANOS)
    await team.machine("ben", clock).sync(theirs)
    theirs.needs = Demand()
    theirs.spend(12 * NANOS)
    ben = team.machine("ben", clock)
    await ben.sync(theirs)
    books.spend(2 * NANOS)
    machine = team.machine("ann", clock)
    heard = await machine.sync(books)
    books.spend(3 * NANOS)
    heard = await machine.sync(books)
    seen = share(heard)
    # Ann had spent two dollars before she joined: they are on both sides, and are not the team's.
    assert seen.others + books.taken(MONTH, 0, None).spent == 15 * NANOS
    assert (seen.held, seen.presumed) == (18 * NANOS, 0)
    assert seen.free == team.period()["cap"] - sum(team.period()[name] for name in ("held", "presumed", "spent"))
    assert [(one.id, one.spent, one.held, one.you) for one in heard.members] == [
        ("ann", 3 * NANOS, 7 * NANOS, True),
        ("ben", 12 * NANOS, 18 * NANOS, False),
    ]
    team.lapse("ben")
    seen = share(await machine.sync(books))
    assert (seen.held, seen.presumed) == (0, 18 * NANOS)


async def test_what_was_spent_before_joining_is_not_the_teams(team: Team, clock: Clock, books: Books) -> None:
    books.spend(500 * NANOS)
    machine = team.machine("ann", clock)
    assert room(await machine.sync(books), books) == 10 * NANOS
    books.spend(4 * NANOS)
    assert room(await machine.sync(books), books) == 6 * NANOS
    assert held(team) == (6, 0, 4)


async def test_a_lease_goes_on_without_the_database_until_its_deadline(team: Team, clock: Clock, books: Books) -> None:
    until_s = share(await team.machine("ann", clock).sync(books)).usable_s
    machine = team.machine("ann", clock, port=1)
    clock.s = until_s - 1
    with pytest.raises(TeamError, match="cannot be reached"):
        await machine.sync(books)
    heard = machine.last()
    assert heard is not None
    assert room(heard, books) == 10 * NANOS
    clock.s = until_s
    heard = machine.last()
    assert heard is not None
    assert room(heard, books) == 0


async def test_the_next_process_knows_what_was_leased(team: Team, clock: Clock, books: Books) -> None:
    await team.machine("ann", clock).sync(books)
    heard = team.machine("ann", clock).last()
    assert heard is not None
    assert room(heard, books) == 10 * NANOS
    clock.s += 3_600
    heard = team.machine("ann", clock).last()
    assert heard is not None
    assert room(heard, books) == 0


async def test_after_a_start_of_the_machine_the_database_is_asked_first(team: Team, clock: Clock, books: Books) -> None:
    await team.machine("ann", clock).sync(books)
    clock.boot_id, clock.s = "boot-2", 5.0
    machine = team.machine("ann", clock)
    heard = machine.last()
    assert heard is not None
    assert room(heard, books) == 0
    heard = await machine.sync(books)
    assert room(heard, books) == 10 * NANOS
    assert share(heard).usable_s == pytest.approx(5 + 3_528, abs=1)
    assert held(team) == (10, 0, 0)


async def test_nobody_has_heard_of_a_team_before_the_first_answer(team: Team, clock: Clock) -> None:
    assert team.machine("ann", clock).last() is None


async def test_a_lease_that_has_expired_is_settled_and_replaced(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(3 * NANOS)
    books.reserved = 2 * NANOS
    clock.s += 3_600
    team.lapse()
    await team.step("ben", "expire", team="web", most=5)
    assert held(team) == (0, 10, 0)
    heard = await machine.sync(books)
    assert held(team) == (10, 2, 3)
    assert room(heard, books) == 8 * NANOS
    books.spend(1 * NANOS)
    books.reserved = 0
    await machine.sync(books)
    assert held(team) == (10, 0, 4)


async def test_what_is_not_needed_goes_back_once_nobody_counts_on_it(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(2 * NANOS)
    books.needs = Demand(largest=NANOS // 10, parallel=1)
    told = await machine.sync(books)
    # Until the guard has heard of it, it may still begin calls on the whole lease.
    assert held(team) == (8, 0, 2)
    assert room(told, books) == 0
    books.spend(1 * NANOS)
    await machine.sync(books)
    assert held(team) == (0, 0, 3)
    assert team.period()["overrun"] == 0


async def test_who_only_looks_may_go_on_with_what_was_told_before(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(2 * NANOS)
    books.needs = Demand(largest=NANOS // 10, parallel=1)
    run = Session.run

    async def away(self: Session, name: str, **values: object) -> list[Row]:
        if name == "members":
            raise TeamError("the database is away")
        return await run(self, name, **values)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(TeamError, match="is away"):
        patch.setattr(Session, "run", away)
        await machine.sync(books)
    # The lease is to end by now, but the guard has not been told so.
    machine.last()
    books.spend(5 * NANOS)
    await machine.sync(books)
    assert held(team) == (3, 0, 7)
    books.spend(NANOS // 20)
    await machine.sync(books)
    assert held(team)[0] == 0
    assert team.period()["overrun"] == 0


async def test_what_a_person_asked_for_is_kept(team: Team, clock: Clock, books: Books) -> None:
    books.needs = Demand()
    machine = team.machine("ann", clock)
    assert room(await machine.lease(books, 25 * NANOS), books) == 25 * NANOS
    await machine.sync(books)
    assert room(await machine.sync(books), books) == 25 * NANOS
    clock.s += 3_600
    await machine.sync(books)
    await machine.sync(books)
    assert held(team) == (0, 0, 0)


async def test_more_than_there_is_is_not_leased(team: Team, clock: Clock, books: Books) -> None:
    books.needs = Demand()
    machine = team.machine("ann", clock)
    with pytest.raises(TeamError, match=r"budget month of the team web has \$100.00 left.*\$101.00 were needed"):
        await machine.lease(books, 101 * NANOS)
    assert held(team) == (0, 0, 0)
    assert room(await machine.lease(books, 100 * NANOS), books) == 100 * NANOS


async def test_a_refusal_is_remarked(team: Team, clock: Clock, books: Books) -> None:
    theirs = Books(clock.us)
    theirs.needs = Demand(short=100 * NANOS)
    await team.machine("ben", clock).sync(theirs)
    heard = await team.machine("ann", clock).sync(books)
    assert "has $0.00 left that nobody holds" in heard.remarks[0]
    assert room(heard, books) == 0


async def test_who_leaves_gives_back_what_is_left(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(3 * NANOS)
    books.reserved = NANOS
    await machine.leave(books)
    assert held(team) == (1, 0, 3)
    heard = machine.last()
    assert heard is not None
    assert room(heard, books) <= 0


class Killed(BaseException):
    """The process is gone."""


def killed_after(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The database has done this step, and nobody hears of it."""
    run = Session.run

    async def and_die(self: Session, name: str, **values: object) -> list[Row]:
        rows = await run(self, name, **values)
        if name == step:
            raise Killed
        return rows

    monkeypatch.setattr(Session, "run", and_die)


async def test_a_lease_whose_grant_nobody_heard_of_is_found(
    team: Team, clock: Clock, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, "grant")
        await team.machine("ann", clock).sync(books)
    assert held(team) == (10, 0, 0)
    assert room(await team.machine("ann", clock).sync(books), books) == 10 * NANOS
    assert held(team) == (10, 0, 0)


async def test_what_was_given_back_is_not_spent_though_nobody_heard_that_it_was(
    team: Team, clock: Clock, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await team.machine("ann", clock).sync(books)
    clock.s += 3_600
    books.spend(3 * NANOS)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_after(patch, "report")
        await team.machine("ann", clock).sync(books)
    assert held(team) == (0, 0, 3)
    machine = team.machine("ann", clock)
    heard = machine.last()
    assert heard is not None
    assert room(heard, books) <= 0
    assert room(await machine.sync(books), books) == 10 * NANOS
    assert held(team) == (10, 0, 3)


async def test_books_that_are_lost_do_not_make_room(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(4 * NANOS)
    await machine.sync(books)
    books.calls.clear()
    heard = await machine.sync(books)
    assert "are lost here" in heard.remarks[0]
    assert room(heard, books) == 10 * NANOS
    # What is left of the old lease stays away until it expires, and is presumed to be spent then.
    assert held(team) == (16, 0, 4)


async def test_a_correction_of_the_books_is_not_a_loss(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(4 * NANOS)
    await machine.sync(books)
    books.spend(-1 * NANOS)
    heard = await machine.sync(books)
    assert heard.remarks == ()
    assert room(heard, books) == 6 * NANOS
    assert held(team) == (6, 0, 4)


async def test_a_lease_that_the_database_has_forgotten_is_not_used(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    team.ask("TRUNCATE tokenguard.lease, tokenguard.lease_period, tokenguard.holding, tokenguard.entry")
    team.ask("UPDATE tokenguard.period SET held = 0, live = 0")
    heard = await machine.sync(books)
    assert "does not know a lease" in heard.remarks[0]
    assert held(team) == (10, 0, 0)


async def test_what_was_spent_without_a_lease_is_told(team: Team, clock: Clock, books: Books) -> None:
    books.needs = Demand()
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(3 * NANOS)
    await machine.sync(books)
    heard = await machine.sync(books)
    assert held(team) == (0, 0, 3)
    assert heard.remarks == ("of what the budget month has spent, $3.00 had been leased by nobody",)
    assert room(heard, books) == 0


async def test_a_new_window_has_leases_of_its_own(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    books.spend(6 * NANOS)
    await machine.sync(books)
    # A month passes: what was is of the month before.
    team.ask("UPDATE tokenguard.period SET starts_at = starts_at - INTERVAL '31 days', ends_at = starts_at")
    team.lapse()
    clock.s += 31 * 86_400
    month_us = 31 * 86_400_000_000
    book = team.book("ann")
    state, _ = book.read()
    (chain,) = state.chains
    since_us = chain.since_us
    state.chains = (type(chain)(since_us - month_us, since_us, leases=chain.leases),)
    await book.write(state)
    machine = team.machine("ann", clock)
    books.calls = [(at_us - month_us, amount) for at_us, amount in books.calls]
    books.spend(NANOS, since_us - 1)
    heard = await machine.sync(books)
    assert held(team) == (10, 0, 0)
    assert room(heard, books) == 10 * NANOS
    (before,) = team.ask("SELECT held, presumed, spent FROM tokenguard.period ORDER BY starts_at LIMIT 1")
    assert before == {"held": 0, "presumed": 0, "spent": 7 * NANOS}


async def test_days_lie_in_months(team: Team, clock: Clock, books: Books) -> None:
    team.budgets(MONTH, TeamBudget("day", 50 * NANOS, "day"))
    machine = team.machine("ann", clock)
    # Earlier in the month, and before she joined.
    books.spend(70 * NANOS, clock.us - 86_400_000_000)
    heard = await machine.sync(books)
    assert room(heard, books, "month") == room(heard, books, "day") == 10 * NANOS
    books.spend(6 * NANOS)
    heard = await machine.sync(books)
    assert room(heard, books, "month") == room(heard, books, "day") == 14 * NANOS
    assert share(heard, "day").others + 6 * NANOS == 6 * NANOS


async def test_a_limit_is_changed_by_who_may(team: Team, clock: Clock, books: Books) -> None:
    team.member("boss", admin_=True)
    with pytest.raises(TeamError, match="administers it, and you do not"):
        await team.machine("ann", clock).change("month", 5 * NANOS, "release week")
    boss = team.machine("boss", clock)
    with pytest.raises(TeamError, match='no budget "year"; it has month'):
        await boss.change("year", NANOS, "why not")
    with pytest.raises(TeamError, match="no limit is below"):
        await boss.change("month", -101 * NANOS, "typo")
    await boss.sync(books)
    assert share(await boss.change("month", 5 * NANOS, "release week")).budget.limit == 105 * NANOS
    (row,) = team.ask("SELECT actor, what, subject, amount, reason FROM tokenguard.decision")
    assert tuple(row.values()) == ("boss", "change", "month", 5 * NANOS, "release week")


async def test_a_limit_below_what_is_promised_keeps_the_promises(team: Team, clock: Clock, books: Books) -> None:
    team.member("boss", admin_=True)
    theirs = Books(clock.us)
    theirs.needs = Demand(short=60 * NANOS)
    ben = team.machine("ben", clock)
    await ben.sync(theirs)
    await team.machine("boss", clock).change("month", -70 * NANOS, "out of money")
    assert team.period()["cap"] == 30 * NANOS
    assert room(await team.machine("ann", clock).sync(books), books) == 0
    theirs.needs = Demand()
    theirs.spend(60 * NANOS)
    await ben.sync(theirs)
    assert held(team) == (0, 0, 60)


async def test_a_stranger_is_told_so(team: Team, clock: Clock, books: Books) -> None:
    team.member("eve")
    team.ask("DELETE FROM tokenguard.member WHERE login = 'eve'")
    with pytest.raises(TeamError, match="eve is no member of the team web"):
        await team.machine("eve", clock).sync(books)


async def test_who_is_removed_may_still_report(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    team.ask("UPDATE tokenguard.member SET removed_at = now() WHERE login = 'ann'")
    books.spend(NANOS)
    with pytest.raises(TeamError, match="is no member"):
        await machine.sync(books)
    assert held(team) == (9, 0, 1)


async def test_a_wrong_clock_is_told(team: Team, books: Books) -> None:
    heard = await team.machine("ann", Clock(team.now_us() + 7_200_000_000)).sync(books)
    assert "clock is 120 minutes ahead of the database's" in heard.remarks[0]


async def test_a_budget_that_only_the_policy_has_is_told(team: Team, clock: Clock, books: Books) -> None:
    team.policy = replace(team.policy, budgets=(MONTH, TeamBudget("year", 1)))
    heard = await team.machine("ann", clock).sync(books)
    assert 'has no budget "year"' in heard.remarks[0]


async def test_a_state_that_cannot_be_read_is_told_and_its_leases_stay_away(
    team: Team, clock: Clock, books: Books, tmp_path: Path
) -> None:
    await team.machine("ann", clock).sync(books)
    (tmp_path / "ann-laptop" / "state.json").write_bytes(b'{"chains": [')
    machine = team.machine("ann", clock)
    assert machine.last() is None
    heard = await machine.sync(books)
    assert "could not be read" in heard.remarks[0]
    assert held(team) == (20, 0, 0)
    assert (await machine.sync(books)).remarks == ()


async def test_visits_come_one_after_the_other(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    answers: list[Any] = await asyncio.gather(*(machine.sync(books) for _ in range(4)))
    assert {room(heard, books) for heard in answers} == {10 * NANOS}
    assert held(team) == (10, 0, 0)


async def test_the_pace_is_the_databases(team: Team, clock: Clock, books: Books) -> None:
    team.budgets(MONTH, ttl_s=9)
    machine = team.machine("ann", clock)
    assert machine.every_s == 60
    await machine.sync(books)
    assert machine.every_s == 3
    assert team.machine("ann", clock).every_s == 3
