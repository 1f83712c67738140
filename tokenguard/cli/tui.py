"""`tokenguard tui`."""

from __future__ import annotations

import os

import click

from tokenguard.cli.commands import examples
from tokenguard.config.paths import find_paths


@click.command(epilog=examples("tokenguard tui"))
def tui() -> None:
    """Show what is being spent, live: budgets, sessions, calls, and what waits for you."""
    from tokenguard_tui import app  # importing it takes half a second

    app.run(find_paths(os.environ))
