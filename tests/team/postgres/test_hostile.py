"""A member with a login and bad intentions: functions are all there is, and they know who calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from tests.support.postgres import Server, rows
from tests.team.postgres.support import MONTH, Team
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamBudget

REFUSED = (errors.InsufficientPrivilege, errors.WrongObjectType, errors.ObjectNotInPrerequisiteState)


@pytest.fixture
def web(server: Server, tmp_path: Path) -> Team:
    found = Team(server, tmp_path)
    found.budgets(MONTH, TeamBudget("shop", 10 * NANOS, owner="repo:shop"))
    found.member("ann")
    found.member("eve", 5 * NANOS)
    return found


@pytest.fixture
def eve(web: Team) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with rows(web.way("eve"), autocommit=True) as connection:
        yield connection


def tables(team: Team) -> list[str]:
    found = team.ask(
        "SELECT relname FROM pg_class WHERE relnamespace = 'tokenguard'::regnamespace AND relkind IN ('r','v')"
    )
    return [row["relname"] for row in found]


def test_no_table_is_read_or_written(web: Team, eve: psycopg.Connection[dict[str, Any]]) -> None:
    found = tables(web)
    assert {"period", "lease", "entry", "member", "audit", "reach", "migration"} <= set(found)
    for table in found:
        for attempt in (
            f"SELECT * FROM tokenguard.{table}",
            f"SELECT * FROM tokenguard.{table} FOR UPDATE",
            f"INSERT INTO tokenguard.{table} DEFAULT VALUES",
            f"DELETE FROM tokenguard.{table}",
            f"TRUNCATE tokenguard.{table}",
            f"LOCK TABLE tokenguard.{table}",
            f"DROP TABLE tokenguard.{table}",
        ):
            # Of most views it is said before anything else that nothing can be inserted into them.
            with pytest.raises(REFUSED), eve.transaction():
                eve.execute(attempt.encode())
    for column in ("period SET cap", "period SET spent", "lease SET amount", "budget SET cap"):
        with pytest.raises(errors.InsufficientPrivilege):
            eve.execute(f"UPDATE tokenguard.{column} = 0".encode())


@pytest.mark.parametrize(
    "attempt",
    [
        "CREATE TABLE tokenguard.mine (x int)",
        "CREATE FUNCTION tokenguard.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET SESSION AUTHORIZATION ann",
        "SET ROLE postgres",
        "SET ROLE tokenguard_admin",
        "ALTER FUNCTION tokenguard.expire(text, bigint) SECURITY INVOKER",
        "GRANT tokenguard_admin TO eve",
    ],
)
def test_nobody_becomes_somebody_else(eve: psycopg.Connection[dict[str, Any]], attempt: str) -> None:
    with pytest.raises(psycopg.Error):
        eve.execute(attempt.encode())


def grant(connection: psycopg.Connection[dict[str, Any]], *values: object) -> list[dict[str, Any]]:
    team, repository, machine, lease, want, least = values
    connection.execute("SELECT tokenguard.visit(%s, %s, 0, '{}', 'token', '{}')", (team, machine))
    asked = (team, repository, machine, "token", lease, want, least)
    return connection.execute("SELECT * FROM tokenguard.grant(%s, %s, %s, %s, %s::uuid, %s, %s)", asked).fetchall()


def report(connection: psycopg.Connection[dict[str, Any]], *values: object) -> list[dict[str, Any]]:
    return connection.execute("SELECT * FROM tokenguard.report(%s::uuid, %s, %s, %s)", values).fetchall()


def test_no_budget_is_left_out(web: Team, eve: psycopg.Connection[dict[str, Any]]) -> None:
    """By no name that she gives: her own limit is hers in every repository."""
    got = [
        row["amount"]
        for repository in ("", "shop", "nowhere", "shop' OR true --")
        for row in grant(eve, "web", repository, "m", uuid4(), 50 * NANOS, 1)
    ]
    assert sum(got) == 5 * NANOS
    assert not web.audit()


def test_the_lease_of_another_is_not_hers(web: Team, eve: psycopg.Connection[dict[str, Any]]) -> None:
    lease = uuid4()
    with rows(web.way("ann")) as ann:
        grant(ann, "web", "", "m", lease, 20 * NANOS, 1)
    assert report(eve, lease, 20 * NANOS, 0, True) == []
    assert grant(eve, "web", "", "m", lease, NANOS, 1) == []
    assert web.period()["held"] == 20 * NANOS
    assert not web.audit()


def test_other_teams_are_closed(web: Team, eve: psycopg.Connection[dict[str, Any]]) -> None:
    web.ask("INSERT INTO tokenguard.team (name) VALUES ('api')")
    assert grant(eve, "api", "", "m", uuid4(), NANOS, 1) == []
    assert eve.execute("SELECT * FROM tokenguard.standing('api', '')").fetchall() == []
    assert eve.execute("SELECT * FROM tokenguard.members('api', '', 100)").fetchall() == []


def test_only_administrators_decide(web: Team, eve: psycopg.Connection[dict[str, Any]]) -> None:
    lease = uuid4()
    grant(eve, "web", "", "m", lease, NANOS, 1)
    web.lapse()
    eve.execute("SELECT tokenguard.expire('web', 10)")
    assert eve.execute("SELECT * FROM tokenguard.change('web', 'member-eve', 1000, 'please')").fetchall() == []
    (row,) = eve.execute("SELECT * FROM tokenguard.write_off('web', 'eve', '', 'please')").fetchall()
    assert row["amount"] == 0
    assert web.period()["presumed"] == NANOS
    assert web.ask("SELECT * FROM tokenguard.decision") == []


def test_nobody_elses_time_runs_out_early(web: Team, eve: psycopg.Connection[dict[str, Any]]) -> None:
    with rows(web.way("ann")) as ann:
        grant(ann, "web", "", "m", uuid4(), 20 * NANOS, 1)
    eve.execute("SELECT tokenguard.expire('web', 1000000)")
    assert web.period()["presumed"] == 0


@pytest.mark.parametrize(
    ("want", "least"), [(-NANOS, -NANOS), (0, -1), (2**62, 1), (NANOS, -(2**62)), (None, None), (2**63 - 1, 2**63 - 1)]
)
def test_odd_amounts_take_nothing_from_anybody(
    web: Team, eve: psycopg.Connection[dict[str, Any]], want: int | None, least: int | None
) -> None:
    for row in grant(eve, "web", "", "m", uuid4(), want, least):
        assert 0 <= row["amount"] <= 5 * NANOS
    assert not web.audit()


@pytest.mark.parametrize(("spent", "keep"), [(-NANOS, 0), (0, -NANOS), (2**62, 0), (0, 2**62), (None, 0), (NANOS, -5)])
def test_odd_reports_take_nothing_from_anybody(
    web: Team, eve: psycopg.Connection[dict[str, Any]], spent: int | None, keep: int
) -> None:
    lease = uuid4()
    grant(eve, "web", "", "m", lease, 2 * NANOS, 1)
    try:
        report(eve, lease, spent, keep, True)
    except psycopg.Error:
        eve.rollback()
    period = web.period()
    assert min(period[name] for name in ("held", "presumed", "spent", "overrun")) >= 0
    assert period["held"] + period["spent"] <= 2 * NANOS
    assert not web.audit()


def test_a_schema_of_her_own_changes_nothing(web: Team, eve: psycopg.Connection[dict[str, Any]]) -> None:
    eve.execute("CREATE TEMP TABLE reach (team text)")
    eve.execute("CREATE TEMP TABLE period (id bigint, cap bigint)")
    eve.execute("CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$")
    eve.execute("SET search_path = pg_temp, pg_catalog")
    eve.execute("SET timezone = 'Pacific/Kiritimati'")
    (row,) = grant(eve, "web", "", "m", uuid4(), 50 * NANOS, 1)
    assert row["amount"] == 5 * NANOS
    assert (
        row["since_us"]
        == web.ask("SELECT (extract(epoch FROM starts_at) * 1000000)::bigint AS us FROM tokenguard.period LIMIT 1")[0][
            "us"
        ]
    )
    assert not web.audit()


def test_who_has_a_login_only_may_call_nothing(web: Team) -> None:
    web.ask("DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    with psycopg.connect(web.way("stranger"), autocommit=True) as stranger:
        for call in ("standing('web', '')", "expire('web', 1)", "fold('web', 1)", "members('web', '', 1)"):
            with pytest.raises(errors.InsufficientPrivilege):
                stranger.execute(f"SELECT tokenguard.{call}".encode())
