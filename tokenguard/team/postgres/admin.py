"""What administrators do: set the database up, say who is in a team and with what limits, look, and write off.

`dsn` is a libpq connection string of a role that may: the schema's owner, a superuser or, where no role is created, a
member of `tokenguard_admin`. Every failure is a `TeamError`.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from psycopg import sql

from tokenguard.errors import TeamError
from tokenguard.policy.money import usd
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.postgres.overview import (
    Connection,
    TeamMember,
    Total,
    audit,
    members,
    team_id,
    totals,
    totals_of,
    transaction,
)
from tokenguard.team.postgres.schema import set_up
from tokenguard.team.postgres.steps import call, steps

__all__ = [
    "TeamMember",
    "Total",
    "add_member",
    "audit",
    "change",
    "create_team",
    "init_db",
    "members",
    "remove_member",
    "totals",
    "write_off",
]


def init_db(dsn: str) -> list[str]:
    """Bring schema, roles and functions to this version. Returns the names of the migrations that were missing."""
    with transaction(dsn) as connection:
        return set_up(connection)


def create_team(
    dsn: str, policy: TeamPolicy, organisation: str = "", *, ttl_s: int = 3600, keep_s: int | None = None
) -> None:
    """A team with the budgets of its policy, or other limits for the windows of one that begin from now on.

    `keep_s`: how long leases that are over stay; None: as long as they do, 90 days at first.
    """
    with transaction(dsn) as connection:
        (row,) = connection.execute(
            "INSERT INTO tokenguard.team (name, organisation, ttl) VALUES (%s, %s, %s * INTERVAL '1 second')"
            " ON CONFLICT (name) DO UPDATE SET organisation = excluded.organisation, ttl = excluded.ttl RETURNING id",
            (policy.name, organisation, ttl_s),
        ).fetchall()
        if keep_s is not None:
            connection.execute(
                "UPDATE tokenguard.team SET keep = %s * INTERVAL '1 second' WHERE id = %s", (keep_s, row["id"])
            )
        for budget in policy.budgets:
            owner = budget.owner or f"team:{policy.name}"
            if owner.startswith("org:") and owner != f"org:{organisation}":
                raise TeamError(
                    f'"{budget.name}" is of {owner}, and the team {policy.name} is not',
                    f"create it with the organisation {owner.removeprefix('org:')}",
                )
            _put_budget(connection, None if owner.startswith("org:") else row["id"], replace(budget, owner=owner))


def add_member(
    dsn: str,
    team: str,
    login: str,
    limit: int | None = None,
    *,
    window: str = "month",
    admin: bool = False,
    password: str | None = None,
) -> bool:
    """Let a role take part, with a limit of its own if one is given (nanodollars). Returns whether it was created.

    A password leaves this machine only as the hash that the database keeps.
    """
    with transaction(dsn) as connection:
        number = team_id(connection, team)
        created = not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (login,)).fetchone()
        role = sql.Identifier(login)
        if created:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        if password is not None:
            secret = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(secret)))
        connection.execute(sql.SQL("GRANT tokenguard_member TO {}").format(role))
        connection.execute(
            "INSERT INTO tokenguard.member (team_id, login, admin) VALUES (%s, %s, %s)"
            " ON CONFLICT (team_id, login) DO UPDATE SET admin = excluded.admin, removed_at = NULL",
            (number, login, admin),
        )
        if limit is not None:
            zone = connection.execute(
                "SELECT timezone FROM tokenguard.budget WHERE team_id = %s ORDER BY id LIMIT 1", (number,)
            ).fetchone()
            budget = TeamBudget(
                f"member-{login}", limit, window, zone["timezone"] if zone else "UTC", owner=f"member:{login}"
            )
            _put_budget(connection, number, budget)
        return created


def remove_member(dsn: str, team: str, login: str) -> None:
    """Who is removed gets no more leases; what they hold they may spend until it expires, and report."""
    with transaction(dsn) as connection:
        found = connection.execute(
            "UPDATE tokenguard.member SET removed_at = now() WHERE team_id = %s AND login = %s AND removed_at IS NULL",
            (team_id(connection, team), login),
        )
        if not found.rowcount:
            raise TeamError(f"{login} is no member of the team {team}")


def change(dsn: str, team: str, budget: str, amount: int, reason: str) -> Total:
    """Raise a limit in the window that runs, or lower it (below zero). What was promised before stays promised."""
    with transaction(dsn) as connection:
        found = {total.budget.name: total for total in totals_of(connection, team)}
        if budget not in found:
            raise TeamError(f'the team {team} has no budget "{budget}"', f"it has {', '.join(found)}")
        _give_reason(reason)
        row = _step(connection, "change", team=team, budget=budget, amount=amount, reason=reason)
        if not row:
            raise TeamError(f'"{budget}" has {usd(found[budget].budget.limit)}, and no limit is below $0')
        return next(total for total in totals_of(connection, team) if total.budget.name == budget)


def write_off(dsn: str, team: str, *, member: str = "", lease: str = "", reason: str) -> int:
    """Give back what expired leases of a member, or one of them, are presumed to have spent. Returns nanodollars.

    Only for what is known not to be spent: whoever reports it later makes an overrun of it. Live leases expire first.
    """
    with transaction(dsn) as connection:
        team_id(connection, team)
        _give_reason(reason)
        rows = _step(connection, "write_off", team=team, member=member, lease=lease, reason=reason)
        return int(rows[0]["amount"])


def _put_budget(connection: Connection, team: int | None, budget: TeamBudget) -> None:
    """A new budget, or another limit for the windows of one that begin from now on."""
    place = "team_id = %(team)s AND name = %(name)s" if team is not None else "owner = %(owner)s AND name = %(name)s"
    values: dict[str, Any] = {
        **{"team": team, "owner": budget.owner, "name": budget.name, "kind": budget.window, "cap": budget.limit},
        **{"timezone": budget.timezone, "week_start": budget.week_start, "month_start": budget.month_start},
    }
    known = connection.execute(
        sql.SQL(
            "SELECT id, kind, timezone, week_start, month_start, owner FROM tokenguard.budget WHERE {} FOR UPDATE"
        ).format(sql.SQL(place)),
        values,
    ).fetchone()
    if known is None:
        connection.execute(_NEW_BUDGET, values)
    elif any(known[key] != values[key] for key in ("kind", "timezone", "week_start", "month_start", "owner")):
        raise TeamError(
            f'"{budget.name}" is another one in the database: {known["owner"]}, {known["kind"]}, {known["timezone"]}',
            "windows that have begun cannot become others; give the new budget a name of its own",
        )
    else:
        connection.execute("UPDATE tokenguard.budget SET cap = %s WHERE id = %s", (budget.limit, known["id"]))


_NEW_BUDGET = """
INSERT INTO tokenguard.budget (team_id, owner, name, kind, timezone, week_start, month_start, cap)
VALUES (%(team)s, %(owner)s, %(name)s, %(kind)s, %(timezone)s, %(week_start)s, %(month_start)s, %(cap)s)
"""


def _give_reason(reason: str) -> None:
    if not reason.strip():
        raise TeamError("a reason is kept with every change", "say why")


def _step(connection: Connection, name: str, **values: object) -> list[dict[str, Any]]:
    return connection.execute(call(steps()[name]).encode(), values).fetchall()
