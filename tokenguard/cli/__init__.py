"""The command line. `main` is where every command begins."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence

STATUSLINE = "statusline"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and answer with its exit code; never raises.

    The status line is shown at every answer of an agent, and every few seconds elsewhere: it takes a way of its own,
    which does not import click.
    """
    if argv is None:
        # The process ends with it. Python would look for cycles among all that it has imported once more, for a fifth
        # of the time that a short command takes.
        atexit.register(gc.freeze)
        # While it imports, and among what it has imported, there are none to be found either.
        gc.disable()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == [STATUSLINE]:
        from tokenguard.cli.statusline import quick

        if (code := quick(arguments[1:])) is not None:
            return code
    from tokenguard.cli.program import run

    if argv is None:
        gc.freeze()
        gc.enable()
    return run(arguments)
