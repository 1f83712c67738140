"""`tokenguard budget`: the budgets that the program writes, and temporary raises."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tokenguard import attribution, client
from tokenguard.cli import budget_words, output
from tokenguard.cli.amounts import AMOUNT_OR_PERCENT, Limit, confirm_zero
from tokenguard.cli.budget_options import Downgrade, Match, Percents, Probability, WindowName
from tokenguard.cli.commands import Commands, examples
from tokenguard.config import budget_changes, budgets, settings
from tokenguard.config.budget_table import MODES, OFFICIAL, RELEASES, SCOPES, BudgetTable, out_of_place
from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.tables import convert
from tokenguard.errors import TokenguardError, UsageError
from tokenguard.policy import money
from tokenguard.policy.budgets import ACTIONS
from tokenguard.policy.measure import BUCKETS, COUNTS
from tokenguard.policy.windows import LATEST_MONTH_START, WEEKDAYS
from tokenguard.records import Budget, Unit


@click.group(
    cls=Commands,
    epilog=examples("tokenguard budget set web-day --scope repo --window day --limit 20", "tokenguard budget list"),
)
def budget() -> None:
    """List, set, remove and raise budgets.

    Budgets written by hand stand in config.toml and are changed there; these commands write budgets.toml.
    """


@budget.command(
    "list", short_help="List the budgets that are set, and where.", epilog=examples("tokenguard budget list")
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_budgets(as_json: bool) -> None:
    """List the budgets that are set, and where; those of the current repository too."""
    paths = find_paths(os.environ)
    known = settings.load(paths).budgets + _of_this_repository()
    if as_json:
        stated = _stated(paths)
        output.say_json({"budgets": [budget_words.as_json(one, stated) for one in known]})
    elif known:
        for line in budget_words.table(known, _stated(paths), output.room()):
            output.say(line)
    else:
        output.say("No budget is set. tokenguard budget set day --window day --limit 20 sets one.")


def _stated(paths: Paths) -> budget_words.Stated:
    """What a running daemon states of budgets that are in use, the most of each."""
    stated: dict[tuple[str, str], float] = {}
    # What is set can be told without a daemon, too.
    with suppress(TokenguardError):
        daemon = client.find(paths)
        for one in daemon.get("/v1/status")["budgets"] if daemon else ():
            key = one["source"], one["name"]
            # Whole percents, and none too few: what calls make of it is not known better.
            stated[key] = max(math.ceil(one["overshoot"] * 100) / 100, stated.get(key, 0.0))
    return stated


def _of_this_repository() -> tuple[Budget, ...]:
    place = attribution.locate(Path())
    if place.repo is None or place.worktree is None:
        return ()
    return budgets.read_repository_budgets(Path(place.worktree), place.repo)


@budget.command(
    "set",
    short_help="Set a budget, or change one.",
    epilog=examples(
        "tokenguard budget set web-day --scope repo --window day --limit 20",
        "tokenguard budget set opus --window month --limit 200 --match 'model=claude-opus-*'",
        "tokenguard budget set burst --window 'rolling 5h' --limit 10 --at-limit hold",
        "tokenguard budget set plan --official anthropic/five_hour --limit 90%",
        "tokenguard budget set web-day --limit 30",
    ),
)
@click.argument("name")
@click.option("--limit", type=AMOUNT_OR_PERCENT, help="Such as 20, 0.50, '2M tokens' or '300 calls'.")
@click.option("--window", type=WindowName(), help="When it starts anew: day, month..., or 'rolling 5h'.")
@click.option("--scope", type=click.Choice(SCOPES), help="For each of what it counts; global without it.")
@click.option("--official", type=click.Choice(OFFICIAL), help="Stop at a percentage of a provider's own window.")
@click.option(
    "--match",
    type=Match(),
    multiple=True,
    help="Count only calls whose FIELD (model, repo, agent...) matches; repeatable.",
)
@click.option("--counts", type=click.Choice(COUNTS), help="Dollars that are billed, or all; billed without it.")
@click.option("--bucket", type=click.Choice(tuple(BUCKETS)), help="Count these tokens only.")
@click.option("--levels", type=Percents(), help="Percents for info, warn and soft; 50,75,90 without it.")
@click.option("--forecast/--no-forecast", default=None, help="Warn already when it will not last.")
@click.option("--at-limit", type=click.Choice(ACTIONS), help="What happens at the limit; refuse without it.")
@click.option("--downgrade", type=Downgrade(), multiple=True, help="Which model takes the place of which; repeatable.")
@click.option("--clamp/--no-clamp", default=None, help="Lower a call's output limit to what fits.")
@click.option("--landing", type=AMOUNT_OR_PERCENT, help="Kept back to save work, such as 2 or 10%; 0 for none.")
@click.option("--landing-release", type=click.Choice(RELEASES), help="Who gives it out; command without it.")
@click.option("--mode", type=click.Choice(MODES), help="How calls are bounded; calibrated without it.")
@click.option("--overshoot", type=Probability(), help="How often calibrated may pass the limit; 5% without it.")
@click.option("--timezone", help="IANA name, such as Europe/Berlin; the machine's zone without it.")
@click.option("--week-start", type=click.Choice(WEEKDAYS), help="First day of a week; monday without it.")
@click.option("--month-start", type=click.IntRange(1, LATEST_MONTH_START), help="First day of a month; 1 without it.")
@click.option("--yes", is_flag=True, help="A limit of 0 is meant.")
def set_budget(
    name: str,
    limit: Limit | None,
    landing: Limit | None,
    match: Sequence[tuple[str, str]],
    downgrade: Sequence[tuple[str, str]],
    yes: bool,
    **given: object,
) -> None:
    """Set the budget NAME, or change what is given of one that was set before.

    What means nothing any more beside a change, such as the first day of a week that is now a month, goes with it.
    """
    paths = find_paths(os.environ)
    tables = budget_changes.tables_for(paths, name)
    if limit is not None:
        confirm_zero(limit, "--limit", yes)
        given["limit"] = budgets.limit_text(limit.value, limit.unit)
    elif name not in tables:
        raise UsageError(f'budget "{name}": --limit is missing', "such as --limit 20")
    if landing is not None:
        given["landing"] = budgets.limit_text(landing.value, landing.unit)
    given |= {key: dict(pairs) for key, pairs in (("match", match), ("downgrade", downgrade)) if pairs}
    changes = {key: value for key, value in given.items() if value is not None}
    table = {"name": name} | tables.get(name, {}) | changes
    if landing is not None and landing.value == 0:
        table = {key: value for key, value in table.items() if key not in ("landing", "landing_release")}
    for key, _ in list(out_of_place(convert(table, BudgetTable, f'budget "{name}"'))):
        if key not in changes:
            table.pop(key)
    tables[name] = table
    written = budget_changes.write(paths, tables)
    _reload(paths)
    output.say(budget_words.line(written[name]))


@budget.command("remove", short_help="Remove a budget.", epilog=examples("tokenguard budget remove web-day"))
@click.argument("name")
def remove_budget(name: str) -> None:
    """Remove the budget NAME."""
    paths = find_paths(os.environ)
    budget_changes.remove(paths, name)
    _reload(paths)
    output.say(f"{name} is removed.")


@budget.command(
    "raise",
    short_help="Raise a budget for a while, on the record.",
    epilog=examples(
        "tokenguard budget raise web/day --amount 5 --reason 'release tonight'",
        "tokenguard budget raise day --amount '2M tokens' --reason 'big refactoring' --ttl 4h",
    ),
)
@click.argument("name", metavar="[KEY/]NAME")
@click.option("--amount", type=AMOUNT_OR_PERCENT, required=True, help="By how much, such as 5 or '2M tokens'.")
@click.option("--reason", required=True, help="Why; it is kept with the raise.")
@click.option("--ttl", metavar="TIME", help="For how long, such as 30m, 4h or 2d; until the window ends without it.")
def raise_budget(name: str, amount: Limit, reason: str, ttl: str | None) -> None:
    """Raise the limit of a budget for a while; who did it, when and why is kept.

    A budget that counts separately, for each repository say, is named with its KEY, as status shows it.
    """
    if amount.value == 0:
        raise UsageError("--amount is 0, which raises nothing", "write 20; a shell turns an unquoted $20 into 0")
    daemon = client.ensure(find_paths(os.environ), os.environ, output.note)
    text = budgets.limit_text(amount.value, amount.unit)
    raised = daemon.post("/v1/budgets/raise", {"name": name, "amount": text, "reason": reason, "ttl": ttl})
    unit = Unit(raised["unit"])
    spent, limit = money.amount(raised["spent"], unit), money.limit(raised["limit"], unit)
    output.say(f"{raised['label']}: {spent} of {limit} {f'for {ttl}' if ttl else _until_when(raised)}")


def _until_when(raised: Mapping[str, Any]) -> str:
    """How long a raise lasts that was given no time."""
    window = str(raised["window"])
    if window.startswith("rolling "):
        return f"for {window.removeprefix('rolling ')}"
    if raised["official"] is None and window == "total":
        return "from now on: its window never ends"
    return "until the session ends" if window == "session" else "until the window ends"


@budget.command(
    "land",
    short_help="Give out what a budget keeps for landing.",
    epilog=examples("tokenguard budget land web/day", "tokenguard budget land web/day --reason 'commit what is done'"),
)
@click.argument("name", metavar="[KEY/]NAME")
@click.option("--reason", default="", metavar="WHY", help="Why; it is kept on the record.")
def land_budget(name: str, reason: str) -> None:
    """Give out what a budget keeps back, until its window ends, so that work can be saved.

    A budget that counts separately, for each repository say, is named with its KEY, as status shows it.
    """
    daemon = client.ensure(find_paths(os.environ), os.environ, output.note)
    landed = daemon.post("/v1/budgets/land", {"name": name, "reason": reason})
    unit = Unit(landed["unit"])
    given, left = money.limit(landed["landing"], unit), money.amount(landed["remaining"], unit)
    output.say(f"{landed['label']}: the {given} kept for landing can be spent; {left} left")


def _reload(paths: Paths) -> None:
    """Tell the daemon, if one runs."""
    daemon = client.find(paths)
    if daemon is not None:
        daemon.post("/v1/budgets/reload")
