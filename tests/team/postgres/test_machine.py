from __future__ import annotations
from tests.team.postgres.support import MONTH, Books, Team, room
from tokenguard.policy.money import NANOS
from tokenguard.team.shape import Demand

async def test_first(team: Team) -> None:
    team.budgets(MONTH)
    team.member("ann")
    books = Books()
    books.needs = Demand(largest=NANOS)
    machine = team.machine("ann")
    heard = await machine.sync(books)
    assert room(heard, books) == NANOS
    books.spend(NANOS // 2, machine._clock.now_us())
    heard = await machine.sync(books)
    await machine.leave(books)
    assert not team.audit()

