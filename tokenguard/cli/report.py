"""`tokenguard report`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar

import click

from tokenguard import attribution, reports
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.reading import open_ledger
from tokenguard.config.paths import find_paths
from tokenguard.ledger import Where
from tokenguard.reports import export
from tokenguard.reports.instants import parse_instant, zone_of

_Command = TypeVar("_Command", bound=Callable[..., object])
_UNSEEN_WIDTH = 160
"""Columns of a table that goes into a file or another program."""


class _Keys(click.ParamType[list[str]]):
    name = "key[,key]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        keys = str(value).split(",")
        unknown = [key for key in keys if key not in reports.KEYS]
        if unknown:
            self.fail(f"'{unknown[0]}' is not a key; use {', '.join(reports.KEYS)}", param, ctx)
        return keys


def _filter(name: str, of: str) -> Callable[[_Command], _Command]:
    return click.option(f"--{name}", metavar="GLOB", help=f"Only calls of this {of}.")


@click.command(
    epilog=examples(
        "tokenguard report",
        "tokenguard report --by day,model --since 7d",
        "tokenguard report --by branch --repo . --since 2026-11-01 --until 2026-12-01 --csv",
    )
)
@click.option("--by", type=_Keys(), default="model", help=f"Group by {', '.join(reports.KEYS)}; model without it.")
@click.option("--since", metavar="TIME", default="30d", help="today, 7d, 12h or 2026-11-21; 30d without it.")
@click.option("--until", metavar="TIME", help="The same; its instant is not included any more.")
@_filter("repo", "repository: a name, a path, or . for the current one")
@_filter("branch", "branch")
@_filter("agent", "agent")
@_filter("model", "model, as requested")
@_filter("provider", "provider")
@_filter("session", "session")
@_filter("task", "task")
@click.option("--timezone", metavar="ZONE", help="IANA name for days and hours; the machine's zone without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def report(
    by: list[str],
    since: str,
    until: str | None,
    timezone: str | None,
    as_json: bool,
    as_csv: bool,
    repo: str | None,
    **filters: str | None,
) -> None:
    """Show what was spent, and on what.

    Filters take globs, such as --model 'claude-*'.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    zone, now_us = zone_of(timezone), time.time_ns() // 1000
    span = _span(since, until, now_us, zone)
    where = _where(repo, {field: glob for field, glob in filters.items() if glob is not None})
    with open_ledger(find_paths(os.environ)) as ledger:
        found = reports.report(ledger, by, *span, where, zone)
    if as_json:
        sys.stdout.write(export.as_json(found))
    elif as_csv:
        sys.stdout.write(export.as_csv(found))
    else:
        _show(found)


def _span(since: str, until: str | None, now_us: int, zone: tzinfo) -> tuple[int, int | None]:
    start_us = parse_instant(since, now_us, zone)
    end_us = None if until is None else parse_instant(until, now_us, zone)
    if end_us is not None and end_us <= start_us:
        raise click.UsageError(f"--until {until} is not after --since {since}")
    return start_us, end_us


def _where(repo: str | None, globs: dict[str, str]) -> Where:
    """What the filters ask for; a repository by its path, or by a glob over the last part of its path."""
    if repo is None:
        return Where(match=tuple(globs.items()))
    if repo != "." and "/" not in repo:
        return Where(match=(*globs.items(), ("repo", f"*/{repo}")))
    place = attribution.locate(Path(repo))
    if place.repo is None:
        raise click.UsageError(f"--repo {repo} is not in a repository")
    return Where(match=tuple(globs.items()), repo=place.repo)


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console

    from tokenguard.reports.render import table

    width = None if sys.stdout.isatty() else _UNSEEN_WIDTH
    console = Console(no_color=not output.colourful(sys.stdout), highlight=False, width=width)
    with console.capture() as captured:
        console.print(table(found))
    for line in captured.get().splitlines():
        output.say(line.rstrip())
