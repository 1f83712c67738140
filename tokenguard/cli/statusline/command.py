"""`tokenguard statusline`, as help shows it. `tokenguard.cli.main` runs the bare command without coming here."""

from __future__ import annotations

import click

from tokenguard.cli.commands import examples
from tokenguard.cli.statusline.show import show


@click.command(epilog=examples("tokenguard statusline"))
def statusline() -> int:
    """Print one line for Claude Code's status line.

    Reads the JSON that Claude Code hands to its status line, and hands the official windows in it to the daemon, if one
    runs; none is started. In ~/.claude/settings.json:

    \b
    {"statusLine": {"type": "command", "command": "tokenguard statusline"}}
    """
    return show()
