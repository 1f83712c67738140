"""`tokenguard statusline`, as help shows it. `tokenguard.cli.main` prints lines without coming here."""

from __future__ import annotations

import os

import click

from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.statusline.setting_up import PLACES, set_up
from tokenguard.cli.statusline.show import show, show_bar
from tokenguard.config.paths import find_paths
from tokenguard.errors import UsageError
from tokenguard.policy.bars import FORMATS

_CLAUDE = "claude"


@click.command(
    epilog=examples(
        "tokenguard statusline", "tokenguard statusline --format json", "tokenguard statusline --setup tmux"
    )
)
@click.option(
    "--format", "kind", type=click.Choice([_CLAUDE, *FORMATS]), help="For whom the line is; claude without it."
)
@click.option("--setup", "place", type=click.Choice(PLACES), help="Make what a program reads, and say what it needs.")
def statusline(kind: str | None, place: str | None) -> int:
    """Print one line for a status line, a bar or a prompt.

    Without an option it is that of Claude Code: it reads the JSON that Claude Code hands to its status line, and hands
    the official windows in it to the daemon, if one runs; none is started. In ~/.claude/settings.json:

    \b
    {"statusLine": {"type": "command", "command": "tokenguard statusline"}}

    With --format, it is the line of today for other programs; empty while no daemon runs. With --setup, a script is put
    into the state folder that prints the same without starting Python, and what belongs into the program's own settings
    is shown.
    """
    if place is None:
        return show() if kind in (None, _CLAUDE) else show_bar(kind)
    if kind is not None:
        raise UsageError("--setup and --format do not go together", "leave one of them out")
    file, text = set_up(place, find_paths(os.environ))
    output.say(f"# into {file}:\n{text.rstrip()}" if place != "nvim" else f"-- into {file}:\n{text.rstrip()}")
    return 0
