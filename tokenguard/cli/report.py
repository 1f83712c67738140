"""`tokenguard report`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tokenguard import attribution, reports
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.reading import open_ledger
from tokenguard.config.paths import find_paths
from tokenguard.reports import export
from tokenguard.reports.question import Question, answer

_Command = TypeVar("_Command", bound=Callable[..., object])
_UNSEEN_WIDTH = 160
"""Columns of a table that goes into a file or another program."""


def _filter(name: str, of: str) -> Callable[[_Command], _Command]:
    return click.option(f"--{name}", metavar="GLOB", help=f"Only calls of this {of}.")


@click.command(
    epilog=examples(
        "tokenguard report",
        "tokenguard report --by day,model --since 7d",
        "tokenguard report --by branch --repo . --since 2026-11-01 --until 2026-12-01 --csv",
    )
)
@click.option(
    "--by", metavar="KEY[,KEY]", default="model", help=f"Group by {', '.join(reports.KEYS)}; model without it."
)
@click.option("--since", metavar="TIME", default="30d", help="today, 7d, 12h or 2026-11-21; 30d without it.")
@click.option("--until", metavar="TIME", help="The same; its instant is not included any more.")
@_filter("repo", "repository: a name, a path, or . for the current one")
@_filter("branch", "branch")
@_filter("agent", "agent")
@_filter("model", "model, as requested")
@_filter("provider", "provider")
@_filter("session", "session")
@_filter("task", "task")
@_filter("billing", "billing: metered, subscription, credits or local")
@click.option("--timezone", metavar="ZONE", help="IANA name for days and hours; the machine's zone without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def report(repo: str | None, as_json: bool, as_csv: bool, **asked: Any) -> None:
    """Show what was spent, and on what.

    Filters take globs, such as --model 'claude-*'.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    question = Question(repo=_repository(repo) if repo else None, **asked)
    with open_ledger(find_paths(os.environ)) as ledger:
        found = answer(ledger, question, time.time_ns() // 1000)
    if as_json:
        sys.stdout.write(export.as_json(found))
    elif as_csv:
        sys.stdout.write(export.as_csv(found))
    else:
        _show(found)


def _repository(name: str) -> str:
    """The path of a repository that is named by a folder in it; other names are globs."""
    if name != "." and "/" not in name:
        return name
    place = attribution.locate(Path(name))
    if place.repo is None:
        raise click.UsageError(f"--repo {name} is not in a repository")
    return place.repo


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console

    from tokenguard.reports.render import table

    width = None if sys.stdout.isatty() else _UNSEEN_WIDTH
    console = Console(no_color=not output.colourful(sys.stdout), highlight=False, width=width)
    with console.capture() as captured:
        console.print(table(found))
    for line in captured.get().splitlines():
        output.say(line.rstrip())
