"""What command lines leave behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
from msgspec import Struct

from tokenguard.cli.commands import root


class Outcome(Struct, frozen=True):
    """The end of a command line."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)


Cli = Callable[..., Outcome]
"""`cli("status", "--json")` runs it."""


def every_command() -> list[list[str]]:
    """The words of every command and group that help shows, the program's own (none) first."""
    found: list[list[str]] = []
    todo: list[tuple[list[str], click.Command]] = [([], root)]
    while todo:
        words, command = todo.pop(0)
        found.append(words)
        if isinstance(command, click.Group):
            context = click.Context(command)
            below = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
            todo += [([*words, name], child) for name, child in below if child and not child.hidden]
    return found
