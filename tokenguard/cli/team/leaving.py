"""`tokenguard team leave`."""

from __future__ import annotations

import os
import shutil

import click

from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.team import choosing
from tokenguard.cli.trusting import reload_teams
from tokenguard.config.memberships import folder, read_memberships, save_memberships
from tokenguard.config.paths import Paths, find_paths
from tokenguard.errors import DaemonError, TeamError, UsageError
from tokenguard.team.gitrefs.members import writer


@click.command(
    short_help="Give back what is left, and take part no more.",
    epilog=examples("tokenguard team leave", "tokenguard team leave --team web"),
)
@click.option("--team", "name", metavar="NAME", help="Which; that of the current repository without it.")
@click.option("--yes", is_flag=True, help="Also where nobody can be reached, or this machine hands out the limit.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def leave(name: str | None, yes: bool, as_json: bool) -> None:
    """Report for the last time, give back what is left of what was handed to this machine, and take part no more.

    What agents spend in the team's repositories counts for it no more.
    """
    paths = find_paths(os.environ)
    left = choosing.membership(paths, name)
    if left.policy.treasurer == writer(left.member, left.machine) and not yes:
        raise UsageError(
            "this machine hands out the limit: without it nobody gets more",
            "name another treasurer in tokenguard.toml first, or add --yes",
        )
    told = _give_back(paths, left.name, yes)
    save_memberships(paths, [one for one in read_memberships(paths) if one.name != left.name])
    reload_teams(paths)
    shutil.rmtree(folder(paths, left.name), ignore_errors=True)
    if as_json:
        output.say_json({"team": left.name, "left": True, "given_back": told})
    else:
        output.say(f"This machine is not in {left.name} any more.")


def _give_back(paths: Paths, name: str, yes: bool) -> bool:
    """Whether the others were told; if not, what was handed out counts as spent for them."""
    try:
        choosing.do(paths, "/v1/team/leave", {"team": name})
    except (DaemonError, TeamError) as error:
        if not yes:
            raise type(error)(error.message, "add --yes to leave without telling the others") from error
        output.note(f"the others were not told: {error.message}")
        return False
    return True
