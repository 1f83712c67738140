"""Of two machines that were copied from one, one goes on as another: no lease is spent by both."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.team.postgres.support import MONTH, Books, Clock, Team, room
from tokenguard.policy.money import NANOS
from tokenguard.team.postgres.connecting import Row, Session
from tokenguard.team.postgres.machine import Machine
from tokenguard.team.shape import Demand


@pytest.fixture(autouse=True)
def web(team: Team) -> Team:
    team.budgets(MONTH)
    team.member("ann")
    return team


@pytest.fixture
def clock(team: Team) -> Clock:
    return Clock(team.now_us())


@pytest.fixture
def books(clock: Clock) -> Books:
    found = Books(clock.us)
    found.needs = Demand(burn=8 * NANOS, largest=NANOS, parallel=2)  # asks for $10
    return found


def copied(books: Books) -> Books:
    found = Books(books.now_us)
    found.calls, found.needs = list(books.calls), books.needs
    return found


def holdings(team: Team) -> dict[str, tuple[int, int]]:
    """By machine: held and spent, in dollars."""
    assert not team.audit()
    found = team.ask("SELECT machine, held, spent FROM tokenguard.holding")
    return {row["machine"]: (row["held"] // NANOS, row["spent"] // NANOS) for row in found}


async def test_a_folder_that_was_copied_is_another_machines(
    team: Team, clock: Clock, books: Books, tmp_path: Path
) -> None:
    original = team.machine("ann", clock)
    await original.sync(books)
    books.spend(4 * NANOS)
    await original.sync(books)
    shutil.copytree(tmp_path / "ann-laptop", tmp_path / "ann-copy")
    theirs = copied(books)
    copy = team.machine("ann", clock, name="copy", joined="laptop")
    told = copy.last()
    assert told is not None and room(told, theirs) == 0
    heard = await copy.sync(theirs)
    name = copy.machine
    assert name not in ("laptop", "copy")
    assert heard.remarks == (
        "what this machine knew of the team is a copy, or was put back from a backup: it takes part as "
        f"ann/{name} now, and what was handed to ann/laptop stays with that one",
    )
    # The four dollars are in both books, and were spent once.
    assert room(heard, theirs) == 10 * NANOS
    assert holdings(team) == {"laptop": (6, 4), name: (10, 0)}
    books.spend(NANOS)
    theirs.spend(2 * NANOS)
    assert not (await original.sync(books)).remarks
    await copy.sync(theirs)
    assert holdings(team) == {"laptop": (5, 5), name: (8, 2)}
    assert (original.machine, team.machine("ann", clock, name="copy", joined="laptop").machine) == ("laptop", name)


async def image(team: Team, clock: Clock, books: Books, spent: int) -> tuple[Machine, Books]:
    """The original has gone on since an image of its disk was made; what runs from that, and its books."""
    book = team.book("ann")
    written, _ = book.read()
    theirs = copied(books)
    original = team.machine("ann", clock)
    books.spend(spent)
    await original.sync(books)
    await book.write(written)
    # It was started for this, by the same name and from the same place.
    elsewhere = Clock(clock.us)
    elsewhere.boot_id = "boot-2"
    return team.machine("ann", elsewhere), theirs


async def test_an_image_of_a_disk_is_found_out_by_its_first_visit(team: Team, clock: Clock, books: Books) -> None:
    await team.machine("ann", clock).sync(books)
    copy, theirs = await image(team, clock, books, 3 * NANOS)
    told = copy.last()
    assert told is not None and room(told, theirs) == 0
    theirs.spend(2 * NANOS)  # for which nothing was handed to it
    heard = await copy.sync(theirs)
    assert copy.machine != "laptop"
    assert f"takes part as ann/{copy.machine} now" in heard.remarks[0]
    assert room(heard, theirs) == 8 * NANOS
    await copy.sync(theirs)
    assert holdings(team) == {"laptop": (7, 3), copy.machine: (8, 2)}


async def test_calls_in_flight_when_it_is_found_out_are_told_by_the_new_name(
    team: Team, clock: Clock, books: Books
) -> None:
    await team.machine("ann", clock).sync(books)
    copy, theirs = await image(team, clock, books, 0)
    theirs.reserved = 2 * NANOS
    assert room(await copy.sync(theirs), theirs) == 8 * NANOS
    theirs.reserved = 0
    theirs.spend(2 * NANOS)
    await copy.sync(theirs)
    assert copy.machine != "laptop"
    assert holdings(team) == {"laptop": (10, 0), copy.machine: (8, 2)}


async def test_it_stays_another_one(team: Team, clock: Clock, books: Books) -> None:
    await team.machine("ann", clock).sync(books)
    copy, theirs = await image(team, clock, books, 0)
    await copy.sync(theirs)
    again = team.machine("ann", clock)
    assert again.machine == copy.machine
    await again.sync(theirs)
    assert again.machine == copy.machine
    assert team.ask("SELECT count(*) AS n FROM tokenguard.machine") == [{"n": 2}]


async def test_it_is_told_for_a_week(team: Team, clock: Clock, books: Books) -> None:
    await team.machine("ann", clock).sync(books)
    copy, theirs = await image(team, clock, books, 0)
    assert (await copy.sync(theirs)).remarks
    book = team.book("ann")
    written, _ = book.read()
    await book.write(replace(written, renamed_us=written.renamed_us - 8 * 86_400_000_000))
    assert not (await team.machine("ann", clock).sync(theirs)).remarks


async def test_a_visit_that_nobody_heard_of_makes_nobody_another(
    team: Team, clock: Clock, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Session.run

    async def unheard(self: Session, name: str, **values: object) -> list[Row]:
        await run(self, name, **values)
        raise KeyboardInterrupt  # the process is gone

    await team.machine("ann", clock).sync(books)
    for _ in range(3):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Session, "run", unheard)
            await team.machine("ann", clock).sync(books)
    machine = team.machine("ann", clock)
    assert not (await machine.sync(books)).remarks
    assert machine.machine == "laptop"
    assert len(team.book("ann").read()[0].tokens) == 1


async def test_a_database_from_a_backup_makes_nobody_another(team: Team, clock: Clock, books: Books) -> None:
    machine = team.machine("ann", clock)
    await machine.sync(books)
    (before,) = team.ask("SELECT visits, token FROM tokenguard.machine")
    await machine.sync(books)
    await machine.sync(books)
    team.ask("UPDATE tokenguard.machine SET visits = %s, token = %s", before["visits"], before["token"])
    assert not (await machine.sync(books)).remarks
    team.ask("DELETE FROM tokenguard.machine")
    assert not (await machine.sync(books)).remarks
    assert machine.machine == "laptop"


async def test_who_forgot_everything_does_not_take_the_name_from_who_did_not(
    team: Team, clock: Clock, books: Books, tmp_path: Path
) -> None:
    original = team.machine("ann", clock)
    await original.sync(books)
    (tmp_path / "ann-new").mkdir()
    other = team.machine("ann", clock, name="new", joined="laptop")
    await other.sync(Books(clock.us))
    assert not (await original.sync(books)).remarks
    assert (original.machine, other.machine == "laptop") == ("laptop", False)


def visit(visits: int, known: list[str], token: str) -> dict[str, object]:
    return {"team": "web", "machine": "m", "visits": visits, "known": known, "token": token, "open": []}


async def test_of_many_at_once_one_may_come_in(team: Team) -> None:
    (first,) = await team.step("ann", "visit", **visit(0, ["a"], "a"))
    assert first["yours"]
    tokens = [str(uuid4()) for _ in range(8)]
    answers = await team.steps("ann", "visit", [visit(first["visits"], ["a", token], token) for token in tokens])
    assert sorted(rows[0]["yours"] for rows in answers) == [False] * 7 + [True]


async def test_old_visits_that_come_late_and_twice_change_nothing(team: Team) -> None:
    said = [visit(0, ["a"], "a")]
    for token in "bcd":
        (answer,) = await team.step("ann", "visit", **said[-1])
        assert answer["yours"]
        said.append(visit(answer["visits"], [str(said[-1]["token"]), token], token))
    before = team.ask("SELECT * FROM tokenguard.machine")
    for late in said[:2]:
        assert not (await team.step("ann", "visit", **late))[0]["yours"]
    assert (await team.step("ann", "visit", **said[2]))[0]["yours"]
    assert team.ask("SELECT * FROM tokenguard.machine") == before
    # The last one was not said before.
    assert (await team.step("ann", "visit", **said[3]))[0]["yours"]


async def test_a_name_is_of_its_member(team: Team) -> None:
    team.member("ben")
    await team.step("ann", "visit", **visit(0, ["a"], "a"))
    assert (await team.step("ben", "visit", **visit(0, ["b"], "b")))[0]["yours"]
    team.ask("DELETE FROM tokenguard.member WHERE login = 'ben'")
    team.ask("DELETE FROM tokenguard.machine")
    assert await team.step("ben", "visit", **visit(0, ["b"], "b")) == []
