"""The way to the database: what may be in it, how long it takes, what its failures say."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from tests.support.cut import Cut
from tests.support.postgres import Server
from tests.team.postgres.support import MONTH, Books, Clock, Team, room
from tokenguard.errors import TeamError
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.postgres import backend, connecting, machine
from tokenguard.team.postgres.connecting import has_functions, in_words, way_to
from tokenguard.team.shape import Demand, Place


def test_a_connection_fails_within_seconds() -> None:
    found = conninfo_to_dict(way_to("host=db.example.com dbname=budgets", "user=ann"))
    assert (found["connect_timeout"], found["tcp_user_timeout"]) == ("3", "3000")
    assert (found["host"], found["dbname"], found["user"]) == ("db.example.com", "budgets", "ann")


def test_a_url_is_a_connection_string_too() -> None:
    found = conninfo_to_dict(way_to("postgresql://db.example.com:6432/budgets?sslmode=verify-full", ""))
    assert (found["host"], found["port"], found["dbname"]) == ("db.example.com", "6432", "budgets")
    assert found["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    "said", ["user=eve", "password=x", "passfile=/home/ann/x", "sslkey=/x", "options=-cx=y", "postgresql://eve:x@db/b"]
)
def test_a_repository_names_no_people_secrets_and_files(said: str) -> None:
    with pytest.raises(TeamError, match="must not say"):
        way_to(said, "")


def test_what_belongs_to_a_person_wins() -> None:
    assert conninfo_to_dict(way_to("dbname=budgets sslmode=disable", "sslmode=require"))["sslmode"] == "require"


@pytest.mark.parametrize("said", ["host=x password=s3cret oops", "s3cret"])
def test_what_cannot_be_read_is_not_repeated(said: str) -> None:
    with pytest.raises(TeamError) as caught:
        way_to("dbname=budgets", said)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_which_servers_are_sent_statements() -> None:
    assert has_functions("PostgreSQL 15.14 (Debian 15.14-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc")
    assert not has_functions("CockroachDB CCL v25.2.1 (x86_64-pc-linux-gnu, built 2025/06/04, go1.23.7)")
    assert not has_functions("PostgreSQL 15.12-YB-2.25.2.0-b0 on x86_64-pc-linux-gnu, compiled by clang")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.UndefinedFunction("function tokenguard.grant does not exist"), "tokenguard team init-db"),
        (errors.InvalidSchemaName('schema "tokenguard" does not exist'), "tokenguard team init-db"),
        (
            errors.InsufficientPrivilege("permission denied for schema tokenguard"),
            "does not allow it: permission denied",
        ),
        (psycopg.OperationalError("connection failed: refused\nsecond line"), "cannot be reached: connection failed"),
        (errors.CheckViolation("new row violates"), "refuses: new row violates"),
    ],
)
def test_failures_say_what_to_do(error: psycopg.Error, words: str) -> None:
    with pytest.raises(TeamError, match=words) as caught, in_words():
        raise error
    assert "\n" not in str(caught.value)


def test_without_the_driver_its_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tokenguard.team.postgres.machine", None)
    with pytest.raises(TeamError, match=r"pip install 'tokenguard\[postgres\]'"):
        backend(TeamPolicy("web"), Place(tmp_path, "ann", "laptop"), Clock())


async def test_who_loses_against_others_tries_again(team: Team) -> None:
    """Serializable transactions on one row fail for all but one; every step is done in the end."""
    team.budgets(MONTH)
    team.member("ann")
    await team.enter("ann")
    names: dict[str, object] = {"team": "web", "repository": "", "machine": "m", "visit": "t0"}
    wanted = [{**names, "lease": str(uuid4()), "want": NANOS, "least": 1} for _ in range(12)]
    answers = await team.steps("ann", "grant", wanted)
    assert all(rows[0]["amount"] == NANOS for rows in answers)
    assert team.period()["held"] == 12 * NANOS


@pytest.fixture
def books(web: Team) -> Books:
    found = Books(web.now_us())
    found.needs = Demand(largest=5 * NANOS)
    return found


@pytest.fixture
def web(server: Server, tmp_path: Path) -> Team:
    found = Team(server, tmp_path)
    found.budgets(MONTH)
    found.member("ann")
    return found


async def test_a_machine_that_is_cut_off_goes_on_within_its_lease_and_recovers(
    web: Team, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link takes bytes and delivers none: the worst kind, since nothing says that it is dead."""
    monkeypatch.setattr(machine, "DEADLINE_S", 0.5)
    clock = Clock(books.now_us)
    async with Cut("127.0.0.1", web.server.port) as link:
        ann = web.machine("ann", clock, host="127.0.0.1", port=link.port)
        await ann.sync(books)
        link.cut()
        with pytest.raises(TeamError, match="did not answer within"):
            await ann.sync(books)
        books.spend(2 * NANOS)
        heard = ann.last()
        assert heard is not None
        assert room(heard, books) == 3 * NANOS
        clock.s += 3_600
        heard = ann.last()
        assert heard is not None
        assert room(heard, books) <= 0
        link.mend()
        monkeypatch.setattr(machine, "DEADLINE_S", 8.0)
        assert room(await ann.sync(books), books) == 5 * NANOS
    assert web.period()["spent"] == 2 * NANOS
    assert not web.audit()


async def test_a_link_that_is_cut_in_the_middle_is_not_waited_for(
    web: Team, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query is under way: without our own ending of it, psycopg would ask politely for 10 s more."""
    monkeypatch.setattr(machine, "DEADLINE_S", 0.5)
    async with Cut("127.0.0.1", web.server.port) as link:
        ann = web.machine("ann", Clock(books.now_us), host="127.0.0.1", port=link.port)
        run = connecting.Session.run

        async def and_cut(self: connecting.Session, name: str, **values: object) -> list[connecting.Row]:
            if name == "grant":
                link.cut()
            return await run(self, name, **values)

        monkeypatch.setattr(connecting.Session, "run", and_cut)
        started = time.monotonic()
        with pytest.raises(TeamError, match="did not answer within"):
            await ann.sync(books)
        assert time.monotonic() - started < 5
        link.mend()
        monkeypatch.undo()
        assert room(await ann.sync(books), books) == 5 * NANOS
    assert not web.audit()


async def test_a_database_that_is_stopped_and_started_is_found_again(tmp_path: Path, books: Books, web: Team) -> None:
    ann = web.machine("ann", Clock(books.now_us))
    await ann.sync(books)
    await asyncio.to_thread(web.server.stop)
    with pytest.raises(TeamError, match="cannot be reached"):
        await ann.sync(books)
    await asyncio.to_thread(web.server.start)
    books.spend(NANOS)
    assert room(await ann.sync(books), books) == 9 * NANOS
    assert web.period()["spent"] == NANOS
