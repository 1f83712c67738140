"""`tokenguard prices`: what models cost, who says so, and newer lists."""

from __future__ import annotations

import click

from tokenguard.cli.commands import Commands, examples
from tokenguard.cli.prices.check import check
from tokenguard.cli.prices.show import show
from tokenguard.cli.prices.update import update


@click.group(
    cls=Commands, epilog=examples("tokenguard prices show opus", "tokenguard prices check", "tokenguard prices update")
)
def prices() -> None:
    """Show, check and refresh what models cost.

    Your own prices stand in config.toml, as [[price]].
    """


for _command in (show, check, update):
    prices.add_command(_command)
