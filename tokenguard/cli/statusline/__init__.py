"""Status lines: run at every answer of an agent or every few seconds, so nothing here but `command` imports click."""

from __future__ import annotations

from collections.abc import Sequence


def quick(arguments: Sequence[str]) -> int | None:
    """Print the line that is asked for, and answer with the exit code; None where click has to see to the arguments."""
    from tokenguard.cli.statusline.show import show, show_bar
    from tokenguard.policy.bars import FORMATS

    match arguments:
        case []:
            return show()
        case ["--format", kind] if kind in FORMATS:
            return show_bar(kind)
        case _:
            return None
