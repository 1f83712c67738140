"""`tokenguard team init-db`, `add`, `remove` and `write-off`: what those do who keep the database of a team."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from tokenguard.cli import output
from tokenguard.cli.amounts import AMOUNT, Limit
from tokenguard.cli.commands import examples
from tokenguard.cli.team.here import find_here, with_team
from tokenguard.cli.team.logins import check_login
from tokenguard.config.paths import find_paths
from tokenguard.config.teams import WINDOWS
from tokenguard.errors import TeamError, UsageError
from tokenguard.policy import money
from tokenguard.records import Unit
from tokenguard.records.teams import TeamPolicy

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def login_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--login` of somebody who keeps the database."""
    return click.option("--login", metavar="SETTINGS", default="", help=text)


_LOGIN = login_option("Who keeps the database: 'user=postgres passfile=...'; libpq's own without it.")


@click.command(
    "init-db",
    short_help="Make a team's tables, roles and limits in PostgreSQL.",
    epilog=examples(
        "tokenguard team init-db --login user=postgres", "tokenguard team init-db --keep 30 --login user=postgres"
    ),
)
@_LOGIN
@click.option("--organisation", default="", metavar="NAME", help="Whose limits hold for this team too.")
@click.option(
    "--keep", type=click.IntRange(min=7), metavar="DAYS", help="How long leases that are over stay; 90 days at first."
)
@_JSON
def init_db(login: str, organisation: str, keep: int | None, as_json: bool) -> None:
    """Bring the database of the repository's team to this version, and write the limits of [team] into it.

    Can be done again: other limits hold for the windows that begin from then on.
    """
    policy, admin, dsn = _open(login)
    applied = admin.init_db(dsn)
    admin.create_team(dsn, policy, organisation, keep_s=None if keep is None else keep * 86_400)
    if as_json:
        output.say_json({"team": policy.name, "migrations": applied})
        return
    done = ", ".join(applied) or "nothing: it was up to date"
    output.say(f"Applied to the database: {done}.")
    output.say(f"{policy.name} has {output.counted(len(policy.budgets), 'limit')} there.")
    output.say("For everybody who takes part: tokenguard team add ROLE")


@click.command(
    short_help="Let a role of the database take part.",
    epilog=examples(
        "tokenguard team add ann --login user=postgres --password-file ann.txt",
        "tokenguard team add bob --limit 100 --login user=postgres",
    ),
)
@click.argument("role")
@click.option("--limit", type=AMOUNT, help="What they may spend at most, such as 100.")
@click.option("--window", type=click.Choice(WINDOWS), default="month", help="In which time; a month without it.")
@click.option("--admin", "may_change", is_flag=True, help="They may raise and lower limits.")
@click.option(
    "--password-file",
    type=click.File("r", encoding="utf-8"),
    help="Whose first line is their password in the database; - for standard input.",
)
@_LOGIN
@_JSON
def add(
    role: str, limit: Limit | None, window: str, may_change: bool, password_file: Any, login: str, as_json: bool
) -> None:
    """Let ROLE take part in the team; it is made in the database if it is not there.

    A password leaves this machine only as the hash that the database keeps.
    """
    if limit is not None and limit.unit is not Unit.USD:
        raise UsageError("--limit is not in dollars", "a team shares dollars: --limit 100")
    password = password_file.readline().rstrip("\r\n") if password_file else None
    policy, admin, dsn = _open(login)
    most = limit.value if limit else None
    created = admin.add_member(dsn, policy.name, role, most, window=window, admin=may_change, password=password)
    if as_json:
        output.say_json({"team": policy.name, "role": role, "created": created})
        return
    output.say(f"{role} can take part in {policy.name}{', and is a new role of the database' if created else ''}.")
    output.say(f"In a clone of this repository, they run: tokenguard team join --trust --login user={role}")


@click.command(
    short_help="Hand nothing more to a role of the database.",
    epilog=examples("tokenguard team remove ann --login user=postgres"),
)
@click.argument("role")
@_LOGIN
@_JSON
def remove(role: str, login: str, as_json: bool) -> None:
    """Hand nothing more to ROLE. What it holds it may still spend and report; the role itself stays."""
    policy, admin, dsn = _open(login)
    admin.remove_member(dsn, policy.name, role)
    if as_json:
        output.say_json({"team": policy.name, "role": role, "removed": True})
    else:
        output.say(f"{role} gets nothing more of {policy.name}.")


@click.command(
    "write-off",
    short_help="Give back what is presumed to be spent and was not.",
    epilog=examples("tokenguard team write-off --role ann --reason 'her laptop was lost'"),
)
@click.option("--role", default="", metavar="ROLE", help="Whose; all that they have not reported in time.")
@click.option("--lease", default="", metavar="ID", help="Only this one.")
@click.option("--reason", required=True, help="Why; it is kept.")
@_LOGIN
@_JSON
def write_off(role: str, lease: str, reason: str, login: str, as_json: bool) -> None:
    """Give back what was handed to somebody, was not reported in time, and is known not to be spent.

    If it is reported after all, it is an overrun, which the limit then lacks.
    """
    if bool(role) == bool(lease):
        raise UsageError("whose it was is not said", "either --role ROLE or --lease ID")
    policy, admin, dsn = _open(login)
    nanos = admin.write_off(dsn, policy.name, member=role, lease=lease, reason=reason)
    if as_json:
        output.say_json({"team": policy.name, "given_back": nanos})
    else:
        output.say(f"{money.usd(nanos)} of {policy.name} can be spent by others.")


def change(login: str, budget: str, nanos: int, reason: str) -> dict[str, Any]:
    """Raise or lower a limit as somebody who keeps the database; how it stands then. Raises `TeamError`."""
    policy, admin, dsn = _open(login)
    total = admin.change(dsn, policy.name, budget, nanos, reason)
    told = {name: getattr(total, name) for name in ("spent", "held", "presumed", "overrun", "free")}
    return {"team": policy.name, "budget": total.budget.name, "limit": total.budget.limit, **told}


def _open(login: str) -> tuple[TeamPolicy, ModuleType, str]:
    """The team of the current repository, and the way to its database. Nobody is asked yet.

    Raises `UsageError` if it is not trusted: what is entered is a database that a stranger's file may name.
    """
    here = find_here(Path.cwd())
    policy = with_team(here)
    if policy.backend != "postgres":
        raise UsageError(f"the team {policy.name} is shared through git", "there is no database to keep")
    if here.standing(find_paths(os.environ)) != "trusted":
        raise UsageError("nobody agreed to what this repository says of its team", "tokenguard trust")
    return policy, *way_to_admin(policy, login)


def way_to_admin(policy: TeamPolicy, login: str) -> tuple[ModuleType, str]:
    """What can be done there, and the connection string. Raises `TeamError` if the driver is not installed."""
    try:
        from tokenguard.team.postgres import admin, connecting
    except ImportError as error:
        raise TeamError(
            "the PostgreSQL driver psycopg is not installed", "pip install 'tokenguard[postgres]'"
        ) from error
    return admin, connecting.way_to(policy.database, check_login(login))
