"""`tokenguard tui`."""

from __future__ import annotations

import os
import shutil

import click

from tokenguard.cli.commands import examples
from tokenguard.config.paths import find_paths


@click.command(epilog=examples("tokenguard tui", "tokenguard tui --once"))
@click.option("--once", is_flag=True, help="Print the first screen as text, and end.")
def tui(once: bool) -> None:
    """Show what is being spent, live: budgets, sessions, calls, and what waits for you."""
    from tokenguard_tui import app  # importing it takes half a second

    paths = find_paths(os.environ)
    if once:
        click.echo(app.once(paths, shutil.get_terminal_size().columns))
    else:
        app.run(paths)
