"""`tokenguard mcp`."""

from __future__ import annotations

import os

import click

from tokenguard.cli.commands import examples
from tokenguard.config.paths import find_paths
from tokenguard.errors import UsageError


@click.command(epilog=examples("tokenguard mcp"))
def mcp() -> None:
    """Let an agent see its budget and what it has spent, and ask a person for more.

    An agent starts it as a server of the Model Context Protocol, and speaks to it on stdin and stdout: of Claude Code,
    once it was told by claude mcp add tokenguard -- tokenguard mcp. No daemon is started, and nothing is changed:
    requests wait for tokenguard approve.
    """
    try:
        from tokenguard.cli.mcp.server import serve
    except ImportError as error:
        raise UsageError("tokenguard mcp needs the SDK of that protocol", "pip install 'tokenguard[mcp]'") from error
    serve(find_paths(os.environ))
