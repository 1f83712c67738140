"""The schema: its windows are those of `policy.windows`, its migrations come once, its audit sees what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.support.postgres import Server, rows
from tests.team.postgres.support import MONTH, Team
from tokenguard.policy.money import NANOS
from tokenguard.policy.windows import window_at
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.postgres import admin, schema
from tokenguard.team.postgres.steps import function, statements_of, steps, transaction

ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"),
    *("America/Havana", "Asia/Beirut", "Africa/Cairo", "Atlantic/Azores", "Pacific/Apia", "Pacific/Kiritimati"),
    *("America/Santiago", "America/Asuncion", "Antarctica/Troll", "America/Scoresbysund"),
)
FIRST, LAST = datetime(2022, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


@pytest.fixture
def dsn(server: Server) -> str:
    return server.database(f"schema{uuid4().hex[:8]}")


def test_windows_are_those_of_everybody_else(dsn: str) -> None:
    """At random instants, and around every midnight at which a zone changes its clocks."""
    admin.init_db(dsn)
    rng = Random(9)
    instants = [datetime.fromtimestamp(rng.uniform(FIRST.timestamp(), LAST.timestamp()), UTC) for _ in range(60)]
    for zone in ZONES:
        changes = changes_of(ZoneInfo(zone))
        instants += [datetime.fromtimestamp(at + rng.choice((-3601, -1, 0, 1800, 3600, 7200)), UTC) for at in changes]
    (text,) = [part for part in statements_of(migration()) if part.startswith("CREATE VIEW tokenguard.calendar")]
    with rows(dsn) as connection:
        connection.execute("CREATE SCHEMA fake")
        connection.execute(
            "CREATE FUNCTION fake.now() RETURNS timestamptz LANGUAGE sql STABLE AS"
            " $$ SELECT pg_catalog.current_setting('fake.now')::timestamptz $$"
        )
        connection.execute("SET search_path = fake, pg_catalog")
        connection.execute(text.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1).encode())
        connection.execute("INSERT INTO tokenguard.team (name) VALUES ('web')")
        for kind in ("day", "week", "month", "quarter", "year", "total"):
            for zone in ZONES:
                connection.execute(
                    "INSERT INTO tokenguard.budget (team_id, owner, name, kind, timezone, week_start, month_start, cap)"
                    " VALUES (1, 'team:web', %s, %s, %s, %s, %s, 0)",
                    (f"{kind} {zone}", kind, zone, rng.randrange(7), rng.randint(1, 28)),
                )
        wrong: list[str] = []
        for instant in instants:
            connection.execute("SELECT set_config('fake.now', %s, false)", (instant.isoformat(),))
            told = connection.execute(
                "SELECT b.*, extract(epoch FROM c.starts_at)::bigint AS since,"
                " extract(epoch FROM c.ends_at)::bigint AS until"
                " FROM tokenguard.calendar c JOIN tokenguard.budget b ON b.id = c.budget_id"
            ).fetchall()
            assert len(told) == 6 * len(ZONES)
            for row in told:
                expected = window_at(
                    row["kind"],
                    int(instant.timestamp() * 1e6),
                    ZoneInfo(row["timezone"]),
                    week_start=row["week_start"],
                    month_start=row["month_start"],
                )
                until = None if expected.end_us is None else expected.end_us // 1_000_000
                if (row["since"], row["until"]) != (expected.start_us // 1_000_000, until):
                    wrong.append(f"{instant} {row['name']} {row['since']} {row['until']} {expected}")
        assert not wrong


def changes_of(zone: ZoneInfo) -> list[int]:
    """The instants at which a zone changes its clocks."""
    found: list[int] = []
    at, offset = int(FIRST.timestamp()), None
    while at < LAST.timestamp():
        now = datetime.fromtimestamp(at, zone).utcoffset()
        if offset is not None and now != offset:
            found.append(at)
        offset, at = now, at + 1800
    return found


def migration() -> str:
    return (Path(schema.__file__).parent / "0001.sql").read_text("utf-8")


def test_it_is_set_up_once(dsn: str) -> None:
    assert admin.init_db(dsn) == ["0001", "0002", "0003"]
    assert admin.init_db(dsn) == []


def test_functions_are_those_of_this_version(dsn: str) -> None:
    admin.init_db(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION tokenguard.expire(p_team text, p_most bigint) RETURNS void"
            " LANGUAGE sql AS 'SELECT NULL::void'"
        )
    admin.init_db(dsn)
    with psycopg.connect(dsn) as connection:
        (row,) = connection.execute(
            "SELECT prosecdef, proconfig FROM pg_proc WHERE oid = 'tokenguard.expire(text, bigint)'::regprocedure"
        ).fetchall()
    assert row == (True, ["search_path=tokenguard, pg_temp"])


def test_every_value_of_a_step_has_a_type() -> None:
    assert set(steps()) == {"change", "expire", "fold", "grant", "members", "report", "standing", "visit", "write_off"}
    for step in steps().values():
        assert "SECURITY DEFINER" in function(step)
        for statement in transaction(step):
            assert statement.count("%(") == statement.count(")s::")


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        ("period SET held = held + 1", "is not the sum of its leases"),
        ("period SET live = live + 1", "is not the sum of its leases"),
        ("lease SET spent = spent + 1", "is not the sum of its leases"),
        ("holding SET spent = spent + 1", "is not the sum of its machines"),
        ("entry SET amount = amount + 1", "is not what the journal comes to"),
    ],
)
async def test_the_audit_sees_what_does_not_add_up(team: Team, damage: str, broken: str) -> None:
    team.budgets(MONTH)
    team.member("ann")
    await team.enter("ann")
    names: dict[str, object] = {"team": "web", "repository": "", "machine": "m", "want": NANOS, "least": 1}
    await team.step("ann", "grant", **names, lease=str(uuid4()), visit="t0")
    assert team.audit() == []
    team.ask(f"UPDATE tokenguard.{damage}")
    assert broken in {found for found, _ in team.audit()}


def test_the_database_itself_keeps_the_cap(team: Team) -> None:
    team.budgets(MONTH)
    team.ask(
        "INSERT INTO tokenguard.period (budget_id, starts_at, cap, ceil) VALUES (1, now(), 100, 100)",
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        team.ask("UPDATE tokenguard.period SET held = 60, presumed = 41")


def test_an_unknown_team_policy_leaves_nothing_behind(dsn: str) -> None:
    admin.init_db(dsn)
    policy = TeamPolicy("web", budgets=(MONTH, MONTH.__class__("org", 1, owner="org:acme")))
    with pytest.raises(Exception, match="the team web is not"):
        admin.create_team(dsn, policy)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT count(*) FROM tokenguard.team").fetchone() == (0,)
