"""`tokenguard team`: the group."""

from __future__ import annotations

import click

from tokenguard.cli.commands import Commands, examples
from tokenguard.cli.team import asking, databases, entering, leaving


@click.group(cls=Commands, epilog=examples("tokenguard team init web --limit 500", "tokenguard team status"))
def team() -> None:
    """Share limits with others: through the git remote that you have anyway, or through PostgreSQL."""


for _command in (
    entering.init,
    entering.join,
    asking.status,
    asking.members,
    asking.sync,
    asking.lease,
    asking.raise_budget,
    asking.lower,
    leaving.leave,
    databases.init_db,
    databases.add,
    databases.remove,
    databases.write_off,
):
    team.add_command(_command)
