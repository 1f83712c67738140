"""`tokenguard tui`."""

from __future__ import annotations

import os
import shutil

import click

from tokenguard.cli.commands import examples
from tokenguard.config.paths import find_paths
from tokenguard.errors import UsageError


@click.command(epilog=examples("tokenguard tui", "tokenguard tui --once", "tokenguard tui --web --port 4748"))
@click.option("--once", is_flag=True, help="Print the first screen as text, and end.")
@click.option("--web", is_flag=True, help="Serve it to a browser on this machine; needs tokenguard[web].")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port of --web; without it, one that is free.")
def tui(once: bool, web: bool, port: int) -> None:
    """Show what is being spent, live: budgets, sessions, calls, and what waits for you."""
    if web:
        _serve(port)
        return
    paths = find_paths(os.environ)
    if once:
        from tokenguard_tui.once import first_screen

        click.echo(first_screen(paths, shutil.get_terminal_size().columns))
    else:
        from tokenguard_tui.app import run  # importing it takes half a second

        run(paths)


def _serve(port: int) -> None:
    try:
        from tokenguard.cli import browser
    except ImportError as error:
        raise UsageError("--web needs textual-serve", "install it: pip install 'tokenguard[web]'") from error
    try:
        browser.serve(port)
    except OSError as error:
        raise UsageError(f"port {port} cannot be used: {error.strerror}", "name another one with --port") from error
