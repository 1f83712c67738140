"""What administrators do."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec.structs import replace

from tests.support.postgres import Server, rows
from tests.team.postgres.support import MONTH, Books, Clock, Team, room
from tokenguard.errors import TeamError
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.postgres import admin
from tokenguard.team.postgres.machine import Machine
from tokenguard.team.shape import Demand, Place


@pytest.fixture
def web(server: Server, tmp_path: Path) -> Team:
    found = Team(server, tmp_path)
    found.budgets(MONTH)
    found.member("ann")
    return found


async def lease(team: Team, login: str, amount: int) -> None:
    books = Books(team.now_us())
    books.needs = Demand(short=amount)
    await team.machine(login, Clock(books.now_us)).sync(books)


def test_a_team_can_be_created_again_with_other_limits(web: Team) -> None:
    web.budgets(replace(MONTH, limit=70 * NANOS), TeamBudget("day", NANOS, "day"))
    assert {total.budget.name: total.budget.limit for total in admin.totals(web.dsn, "web")} == {
        "month": 70 * NANOS,
        "day": NANOS,
    }


async def test_a_window_that_runs_keeps_its_limit(web: Team) -> None:
    await lease(web, "ann", NANOS)
    web.budgets(replace(MONTH, limit=70 * NANOS))
    (total,) = admin.totals(web.dsn, "web")
    assert total.budget.limit == 100 * NANOS


@pytest.mark.parametrize("other", [{"window": "day"}, {"timezone": "Europe/Berlin"}, {"owner": "repo:shop"}])
def test_a_budget_does_not_become_another_one(web: Team, other: dict[str, str]) -> None:
    with pytest.raises(TeamError, match='"month" is another one in the database: team:web, month, UTC'):
        web.budgets(replace(MONTH, **other))


def test_a_member_gets_a_role_and_a_limit(web: Team) -> None:
    login = f"m{uuid4().hex[:8]}"
    assert admin.add_member(web.dsn, "web", login, 5 * NANOS, password="s3cret") is True
    assert admin.add_member(web.dsn, "web", login, 6 * NANOS, window="month") is False
    (secret,) = web.ask("SELECT rolpassword FROM pg_authid WHERE rolname = %s", login)
    assert secret["rolpassword"].startswith("SCRAM-SHA-256$")
    limits = {total.budget.name: (total.budget.owner, total.budget.limit) for total in admin.totals(web.dsn, "web")}
    assert limits[f"member-{login}"] == (f"member:{login}", 6 * NANOS)


def test_the_name_of_a_role_is_only_a_name(web: Team) -> None:
    login = f'x"; DROP SCHEMA tokenguard CASCADE; -- {uuid4().hex[:6]}'
    admin.add_member(web.dsn, "web", login, password="p'; DROP SCHEMA tokenguard CASCADE; --")
    assert login in [member.login for member in admin.members(web.dsn, "web")]


async def test_members_are_listed_with_what_their_machines_have(web: Team) -> None:
    web.member("ben", admin_=True)
    await lease(web, "ann", 3 * NANOS)
    admin.remove_member(web.dsn, "web", "ann")
    ann, ben = admin.members(web.dsn, "web")
    assert (ann.login, ann.admin, ann.removed) == ("ann", False, True)
    assert [(one.machine, one.budget, one.held) for one in ann.machines] == [("laptop", "month", 3 * NANOS)]
    assert (ben.login, ben.admin, ben.removed, ben.machines) == ("ben", True, False, ())
    with pytest.raises(TeamError, match="ann is no member"):
        admin.remove_member(web.dsn, "web", "ann")


async def test_totals(web: Team) -> None:
    await lease(web, "ann", 3 * NANOS)
    (total,) = admin.totals(web.dsn, "web")
    assert (total.spent, total.held, total.presumed, total.overrun, total.live) == (0, 3 * NANOS, 0, 0, 1)
    assert total.free == 97 * NANOS
    assert total.heard_us == pytest.approx(web.now_us(), abs=30e6)


async def test_a_limit_is_raised_and_lowered(web: Team) -> None:
    assert admin.change(web.dsn, "web", "month", 5 * NANOS, "release week").budget.limit == 105 * NANOS
    await lease(web, "ann", 80 * NANOS)
    lowered = admin.change(web.dsn, "web", "month", -75 * NANOS, "it was too much")
    assert (lowered.budget.limit, lowered.held, lowered.free) == (30 * NANOS, 80 * NANOS, 0)
    assert not web.audit()
    reasons = web.ask("SELECT actor, amount, reason FROM tokenguard.decision ORDER BY id")
    assert [tuple(row.values()) for row in reasons] == [
        ("postgres", 5 * NANOS, "release week"),
        ("postgres", -75 * NANOS, "it was too much"),
    ]


@pytest.mark.parametrize(
    ("budget", "amount", "reason", "message"),
    [
        ("month", NANOS, " ", "a reason is kept"),
        ("year", NANOS, "why", 'no budget "year"; it has month'),
        ("month", -101 * NANOS, "why", "no limit is below"),
    ],
)
def test_what_makes_no_sense_is_not_changed(web: Team, budget: str, amount: int, reason: str, message: str) -> None:
    with pytest.raises(TeamError, match=message):
        admin.change(web.dsn, "web", budget, amount, reason)
    assert web.ask("SELECT * FROM tokenguard.decision") == []


async def test_what_is_presumed_is_written_off_with_a_reason(web: Team) -> None:
    web.member("ben")
    for login in ("ann", "ann", "ben"):
        await lease(web, login, 10 * NANOS)
    assert admin.write_off(web.dsn, "web", member="ann", reason="lost laptop") == 0
    web.lapse()
    await web.step("ben", "expire", team="web", most=10)
    assert admin.write_off(web.dsn, "web", member="ann", reason="lost laptop") == 20 * NANOS
    assert web.period()["presumed"] == 10 * NANOS
    (left,) = web.ask("SELECT id::text FROM tokenguard.lease WHERE state = 'expired'")
    assert admin.write_off(web.dsn, "web", lease=left["id"], reason="the same") == 10 * NANOS
    assert web.period()["presumed"] == 0
    assert not web.audit()
    assert {row["reason"] for row in web.ask("SELECT reason FROM tokenguard.decision")} == {"lost laptop", "the same"}


async def test_who_reports_what_was_written_off_overruns(web: Team) -> None:
    await lease(web, "ann", 10 * NANOS)
    web.lapse()
    await web.step("ann", "expire", team="web", most=10)
    admin.write_off(web.dsn, "web", member="ann", reason="lost laptop")
    (row,) = web.ask("SELECT id::text FROM tokenguard.lease")
    (answer,) = await web.step("ann", "report", lease=row["id"], spent=4 * NANOS, keep=0, final=True)
    assert answer["state"] == "written_off"
    assert (web.period()["spent"], web.period()["overrun"]) == (4 * NANOS, 4 * NANOS)
    assert not web.audit()


def test_unknown_teams_are_named(web: Team) -> None:
    with pytest.raises(TeamError, match="there is no team api in this database; it has web"):
        admin.totals(web.dsn, "api")


def test_a_database_without_the_schema_says_what_to_do(server: Server) -> None:
    dsn = server.database(f"bare{uuid4().hex[:8]}")
    with pytest.raises(TeamError, match="tokenguard team init-db"):
        admin.totals(dsn, "web")


def test_who_may_not_is_told_so(web: Team) -> None:
    with pytest.raises(TeamError, match="does not allow it"):
        admin.create_team(web.way("ann"), web.policy)


def test_a_broken_connection_string_is_not_repeated() -> None:
    with pytest.raises(TeamError) as caught:
        admin.totals("host=x password=s3cret oops", "web")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_administrator_needs_not_be_a_superuser(web: Team) -> None:
    role = f"a{uuid4().hex[:8]}"
    web.ask(f"CREATE ROLE {role} LOGIN IN ROLE tokenguard_admin")
    way = web.way(role)
    admin.create_team(way, replace(web.policy, budgets=(replace(MONTH, limit=NANOS),)))
    assert admin.change(way, "web", "month", NANOS, "why").budget.limit == 2 * NANOS
    assert admin.audit(way) == []
    with pytest.raises(TeamError, match="does not allow it"):
        admin.init_db(way)


async def test_whoever_owns_the_database_can_do_all_of_it(server: Server, tmp_path: Path) -> None:
    name = f"owner{uuid4().hex[:8]}"
    with rows(server.database(name)) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE".encode())
        connection.execute(f"ALTER DATABASE {name} OWNER TO {name}".encode())
    way = server.way(name, name)
    assert admin.init_db(way) == ["0001", "0002", "0003"]
    assert admin.init_db(way) == []
    policy = TeamPolicy("web", "postgres", "leases", (MONTH,), database=way.partition(" user=")[0])
    admin.create_team(way, policy)
    admin.add_member(way, "web", f"{name}_ann")
    books = Books(time.time_ns() // 1_000)
    books.needs = Demand(short=3 * NANOS)
    place = Place(tmp_path, f"{name}_ann", "laptop", login=f"user={name}_ann")
    heard = await Machine(policy, place, Clock(books.now_us)).sync(books)
    assert room(heard, books) == 3 * NANOS
    assert admin.change(way, "web", "month", NANOS, "why").budget.limit == 101 * NANOS
    assert admin.audit(way) == []
