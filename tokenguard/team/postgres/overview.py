"""What administrators see of a team's database."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import msgspec
import psycopg
from msgspec import Struct
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from tokenguard.errors import TeamError
from tokenguard.records.teams import Member, TeamBudget
from tokenguard.team.postgres.connecting import SETTINGS, in_words

Connection = psycopg.Connection[DictRow]


class TeamMember(Struct, frozen=True):
    """Somebody in a team, and what their machines have of the windows that run."""

    login: str
    admin: bool
    removed: bool
    machines: tuple[Member, ...]


class Total(Struct, frozen=True):
    """A budget of a team in the window that runs, in nanodollars."""

    budget: TeamBudget
    """With its limit as it stands."""
    since_us: int
    until_us: int | None
    spent: int
    held: int
    presumed: int
    overrun: int
    """Of what is spent, what was in no lease."""
    live: int
    """Leases."""
    heard_us: int
    """When a machine last reported; 0: none did."""

    @property
    def free(self) -> int:
        """What nobody spent and nobody holds."""
        return max(0, self.budget.limit - self.spent - self.held - self.presumed)


def members(dsn: str, team: str) -> list[TeamMember]:
    """Everybody who is or was in a team."""
    with transaction(dsn) as connection:
        number = team_id(connection, team)
        held = connection.execute(
            """
            SELECT h.member AS id, h.machine, b.name AS budget, h.spent, h.held, h.presumed,
              (extract(epoch FROM h.seen_at) * 1000000)::bigint AS heard_us, h.member = session_user AS you
            FROM tokenguard.holding h JOIN tokenguard.period p ON p.id = h.period_id
            JOIN tokenguard.budget b ON b.id = p.budget_id
            WHERE h.team_id = %s AND p.starts_at <= now() AND (p.ends_at IS NULL OR now() < p.ends_at)
            ORDER BY h.member, h.machine, b.id
            """,
            (number,),
        ).fetchall()
        machines = [msgspec.convert(row, Member) for row in held]
        people = connection.execute(
            "SELECT login, admin, removed_at IS NOT NULL AS removed FROM tokenguard.member"
            " WHERE team_id = %s ORDER BY login",
            (number,),
        ).fetchall()
        return [
            TeamMember(**row, machines=tuple(machine for machine in machines if machine.id == row["login"]))
            for row in people
        ]


def totals(dsn: str, team: str) -> list[Total]:
    """The budgets of a team and of its organisation, in the windows that run."""
    with transaction(dsn) as connection:
        return totals_of(connection, team)


def audit(dsn: str) -> list[tuple[str, str]]:
    """What does not add up: which invariant, and of which period. It must be empty."""
    with transaction(dsn) as connection:
        rows = connection.execute("SELECT broken, period FROM tokenguard.audit").fetchall()
        return [(row["broken"], row["period"]) for row in rows]


@contextmanager
def transaction(dsn: str) -> Generator[Connection]:
    """A connection for one transaction. Raises `TeamError`."""
    with in_words():
        try:
            way = make_conninfo(dsn, **SETTINGS)
        except psycopg.ProgrammingError:
            # libpq's own words repeat what it could not read, and that may be a password.
            raise TeamError(
                "this is not a connection string", 'write it as "host=db.example.com dbname=budgets user=admin"'
            ) from None
        with psycopg.Connection[DictRow].connect(way, row_factory=dict_row) as connection:
            yield connection


def team_id(connection: Connection, team: str) -> int:
    """Number of a team. Raises `TeamError`."""
    row = connection.execute("SELECT id FROM tokenguard.team WHERE name = %s", (team,)).fetchone()
    if row is None:
        known = [row["name"] for row in connection.execute("SELECT name FROM tokenguard.team ORDER BY name")]
        raise TeamError(f"there is no team {team} in this database", f"it has {', '.join(known) or 'none'}")
    return int(row["id"])


def totals_of(connection: Connection, team: str) -> list[Total]:
    """See `totals`."""
    number = team_id(connection, team)
    rows = connection.execute(_TOTALS, {"team": number}).fetchall()
    return [
        Total(
            TeamBudget(
                row["name"],
                row["cap"],
                row["kind"],
                row["timezone"],
                row["week_start"],
                row["month_start"],
                owner=row["owner"],
            ),
            **{name: row[name] for name in Total.__struct_fields__[1:]},
        )
        for row in rows
    ]


_TOTALS = """
SELECT b.name, b.owner, b.kind, b.timezone, b.week_start, b.month_start, coalesce(p.cap, b.cap) AS cap,
  (extract(epoch FROM coalesce(p.starts_at, c.starts_at)) * 1000000)::bigint AS since_us,
  (extract(epoch FROM coalesce(p.ends_at, c.ends_at)) * 1000000)::bigint AS until_us,
  coalesce(p.spent, 0) AS spent, coalesce(p.held, 0) AS held, coalesce(p.presumed, 0) AS presumed,
  coalesce(p.overrun, 0) AS overrun, coalesce(p.live, 0) AS live,
  coalesce((SELECT max((extract(epoch FROM h.seen_at) * 1000000)::bigint) FROM tokenguard.holding h
    WHERE h.period_id = p.id), 0) AS heard_us
FROM tokenguard.budget b
JOIN tokenguard.team t
  ON t.id = %(team)s AND (b.team_id = t.id OR b.team_id IS NULL AND b.owner = 'org:' || t.organisation)
JOIN tokenguard.calendar c ON c.budget_id = b.id
LEFT JOIN tokenguard.period p
  ON p.budget_id = b.id AND p.starts_at <= now() AND (p.ends_at IS NULL OR now() < p.ends_at)
ORDER BY b.id
"""
