"""`tokenguard team status`, `sync`, `members`, `lease`, `raise` and `lower`: what the daemon is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from tokenguard.cli import output
from tokenguard.cli.amounts import AMOUNT, Limit
from tokenguard.cli.commands import examples
from tokenguard.cli.team import choosing, telling
from tokenguard.cli.team.databases import change, login_option
from tokenguard.cli.team.here import concern
from tokenguard.config.budgets import limit_text
from tokenguard.config.memberships import read_memberships
from tokenguard.config.paths import Paths, find_paths
from tokenguard.daemon.names import names as known_names
from tokenguard.errors import UsageError
from tokenguard.policy import money
from tokenguard.records import Unit

_NAMED = click.option("--team", "name", metavar="NAME", help="Which; that of the current repository without it.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_AMOUNT = click.option("--amount", type=AMOUNT, required=True, help="How much, in dollars, such as 50.")
_LOGIN = login_option("Of PostgreSQL: who keeps the database, if it is not you: 'user=postgres'.")
_REASON = click.option("--reason", required=True, help="Why; it is kept where the others see it.")


@click.command(
    short_help="Show what all have spent, and what is left.",
    epilog=examples("tokenguard team status", "tokenguard team status --team web --json"),
)
@click.option("--team", "name", metavar="NAME", help="Only this one; all without it.")
@_JSON
def status(name: str | None, as_json: bool) -> None:
    """Show what all have spent of each limit, what others hold, and what is left.

    HELD was handed to others, PRESUMED too and they have not reported in time: it counts as spent until they do. FREE
    can be had by anybody, HERE is what this machine can spend without asking.
    """
    paths = find_paths(os.environ)
    _show(paths, choosing.get_teams(paths, name), as_json)


@click.command(
    short_help="Tell the others now, and hear of them.",
    epilog=examples("tokenguard team sync", "tokenguard team sync --team web"),
)
@_NAMED
@_JSON
def sync(name: str | None, as_json: bool) -> None:
    """Tell the others what was spent here, and hear of them; the daemon does so by itself every now and then."""
    paths = find_paths(os.environ)
    team = choosing.membership(paths, name).name
    _show(paths, choosing.do(paths, "/v1/team/sync", {"team": team}), as_json)


@click.command(
    short_help="Have more handed to this machine.",
    epilog=examples("tokenguard team lease --amount 20", "tokenguard team lease --amount 50 --team web"),
)
@_AMOUNT
@_NAMED
@_JSON
def lease(amount: Limit, name: str | None, as_json: bool) -> None:
    """Have so much more handed to this machine: before a journey, or a long run.

    It can be spent without reaching anybody. What is not spent goes back by itself.
    """
    paths = find_paths(os.environ)
    team = choosing.membership(paths, name).name
    body = {"team": team, "amount": _dollars(amount)}
    _show(paths, choosing.do(paths, "/v1/team/lease", body), as_json)


@click.command(
    short_help="Show what each machine has spent and holds.",
    epilog=examples("tokenguard team members", "tokenguard team members --json"),
)
@_NAMED
@_JSON
def members(name: str | None, as_json: bool) -> None:
    """Show what each member's machines have spent and hold, and when they were last heard of.

    Members are known by a salted hash of their mail address. Their names come from the history of your own clones, and
    are sent nowhere.
    """
    paths = find_paths(os.environ)
    told = choosing.get_teams(paths, choosing.membership(paths, name).name)
    names = known_names(read_memberships(paths))
    if as_json:
        rows = [one | {"team": team["name"], "name": names.get(one["id"])} for team in told for one in team["members"]]
        output.say_json({"members": rows})
        return
    for line in telling.members(told, names, datetime.now().astimezone(), output.room()):
        output.say(line)


@click.command(
    "raise",
    short_help="Raise a limit for all, on the record.",
    epilog=examples("tokenguard team raise month --amount 100 --reason 'release week'"),
)
@click.argument("budget")
@_AMOUNT
@_REASON
@_NAMED
@_LOGIN
@_JSON
def raise_budget(budget: str, amount: Limit, reason: str, name: str | None, login: str, as_json: bool) -> None:
    """Raise the limit BUDGET of the team, for as long as its window lasts.

    With mode = "rights" the treasurer's machine does it; in a database whoever keeps its limits. With mode = "shared"
    the limit is what the repository says: change it there.
    """
    _change(budget, amount, reason, name, login, as_json, sign="+")


@click.command(
    short_help="Lower a limit for all, on the record.",
    epilog=examples("tokenguard team lower month --amount 100 --reason 'back to plan'"),
)
@click.argument("budget")
@_AMOUNT
@_REASON
@_NAMED
@_LOGIN
@_JSON
def lower(budget: str, amount: Limit, reason: str, name: str | None, login: str, as_json: bool) -> None:
    """Lower the limit BUDGET of the team; what was handed out already stays handed out."""
    _change(budget, amount, reason, name, login, as_json, sign="-")


def _change(budget: str, amount: Limit, reason: str, name: str | None, login: str, as_json: bool, *, sign: str) -> None:
    dollars = sign + _dollars(amount)
    if login:
        told = change(login, budget, amount.value if sign == "+" else -amount.value, reason)
        if as_json:
            output.say_json(told)
        else:
            spent, limit = money.usd(told["spent"]), money.limit(told["limit"], Unit.USD)
            output.say(f"{told['team']}: {told['budget']} is {limit} now, {spent} of it spent")
        return
    paths = find_paths(os.environ)
    team = choosing.membership(paths, name).name
    body = {"team": team, "budget": budget, "amount": dollars, "reason": reason}
    _show(paths, choosing.do(paths, "/v1/team/change", body), as_json)


def _dollars(amount: Limit) -> str:
    if amount.unit is not Unit.USD:
        raise UsageError("--amount is not in dollars", "a team shares dollars: --amount 50")
    if amount.value == 0:
        raise UsageError("--amount is 0, which changes nothing", "write 20; a shell turns an unquoted $20 into 0")
    return limit_text(amount.value, amount.unit).removeprefix("$")


def _show(paths: Paths, told: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    here = concern(paths)
    if as_json:
        output.say_json({"teams": told, "concern": here and {"message": here[0], "remedy": here[1]}})
        return
    if not told:
        output.say("This machine is in no team. tokenguard team init begins one, tokenguard team join takes part.")
    for line in telling.teams(told, datetime.now().astimezone(), output.room()):
        output.say(line)
    if here is not None:
        output.note("; ".join(here))
