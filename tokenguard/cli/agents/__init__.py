"""`tokenguard agents`: which agents are known, how each is guarded, and whether one comes through."""

from __future__ import annotations

import click

from tokenguard.cli.agents.check import check
from tokenguard.cli.agents.listing import list_
from tokenguard.cli.commands import Commands, examples


@click.group(cls=Commands, epilog=examples("tokenguard agents list", "tokenguard agents check claude"))
def agents() -> None:
    """Show the agents that are known, and try one out.

    Your own stand in config.toml, as [agents.NAME].
    """


for _command in (list_, check):
    agents.add_command(_command)
