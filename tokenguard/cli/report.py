"""`tokenguard report`."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from tokenguard import attribution, reports
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.reading import open_ledger
from tokenguard.config.paths import find_paths
from tokenguard.reports.keys import CUTTING
from tokenguard.reports.question import Question, answer

_Command = TypeVar("_Command", bound=Callable[..., object])
_UNSEEN_WIDTH = 80
"""Columns of a table that goes into a file or another program, unless `COLUMNS` says otherwise."""
_ROWS = 25
_CALLS = 10


def _filter(name: str, of: str) -> Callable[[_Command], _Command]:
    return click.option(f"--{name}", metavar="GLOB", help=f"Only calls of this {of}.")


@contextmanager
def _uncollected() -> Generator[None]:
    """Without a search for cycles: there are none in many rows, and looking for them takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@click.command(
    epilog=examples(
        "tokenguard report",
        "tokenguard report --by day,model --since 7d",
        "tokenguard report --by commit --repo .",
        "tokenguard report --dearest --since 7d",
        "tokenguard report --range main..HEAD --markdown",
        "tokenguard report --by branch --repo . --since 2026-11-01 --until 2026-12-01 --csv",
    )
)
@click.option("--by", metavar="KEY[,KEY]", help=f"Group by {', '.join(reports.KEYS)}; model without it.")
@click.option(
    "--dearest",
    type=click.IntRange(1, 1000),
    metavar="[N]",
    is_flag=False,
    flag_value=_CALLS,
    help=f"In place of that, the calls that cost most, and why; {_CALLS} without a number.",
)
@click.option("--range", "commits", metavar="A..B", help="Only what these commits cost; by commit without --by.")
@click.option("--since", metavar="TIME", help="today, 7d, 12h or 2026-11-21; 30d without it.")
@click.option("--until", metavar="TIME", help="The same; its instant is not included any more.")
@_filter("repo", "repository: a name, a path, or . for the current one")
@_filter("worktree", "working tree")
@_filter("branch", "branch")
@_filter("agent", "agent")
@_filter("model", "model, as requested")
@_filter("provider", "provider")
@_filter("session", "session")
@_filter("task", "task")
@_filter("request-class", "request class: main, sub-agent, title, compaction...")
@_filter("billing", "billing: metered, subscription, credits or local")
@_filter("origin", "origin: measured or logged")
@click.option(
    "--top",
    type=click.IntRange(0),
    metavar="N",
    default=_ROWS,
    help=f"Rows of the table, the dearest; {_ROWS} without it, 0 is all. Times are always whole.",
)
@click.option("--timezone", metavar="ZONE", help="IANA name for days and hours; the machine's zone without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table in Markdown, for a pull request.")
@click.option("--notes", is_flag=True, help="Put the cost of the commits of --range to them as git notes.")
@_uncollected()
def report(
    repo: str | None,
    by: str | None,
    dearest: int | None,
    commits: str | None,
    top: int,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
    notes: bool,
    **asked: Any,
) -> None:
    """Show what was spent, and on what.

    Filters take globs, such as --model 'claude-*'.
    """
    if notes and not commits:
        raise click.UsageError("--notes goes with --range")
    given: dict[str, Any] = {name: _text(value) for name, value in asked.items() if value is not None}
    _exclude({"--json": as_json, "--csv": as_csv, "--markdown": as_markdown})
    _exclude({"--by": by, "--dearest": dearest})
    for name in ("since", "until"):
        _exclude({"--range": commits, f"--{name}": given.get(name)})
    for one, value in {"--range": commits, "--markdown": as_markdown}.items():
        _exclude({one: value, "--dearest": dearest})
    with open_ledger(find_paths(os.environ)) as ledger:
        if commits:
            from tokenguard.cli.ranges import cost_of, find_range, note_down

            found_range = find_range(repo, commits)
            found = cost_of(ledger, found_range, Question(by=by or "commit", **given))
            if notes:
                note_down(ledger, found_range)
        else:
            place = _repository(repo) if repo else None
            question = Question(by=by or "model", dearest=dearest or 0, repo=place, **given)
            found = answer(ledger, question, time.time_ns() // 1000)
    if as_json or as_csv:
        from tokenguard.reports import export

        if as_json:
            output.say_document(export.as_json(found))
        else:
            sys.stdout.writelines(export.as_csv(found))
    elif as_markdown:
        from tokenguard.reports.markdown import markdown

        sys.stdout.write(markdown(found))
    else:
        _show(found, top)


def _exclude(options: dict[str, object]) -> None:
    """Raises `UsageError` if more than one of these was given."""
    given = [name for name, value in options.items() if value]
    if len(given) > 1:
        raise click.UsageError(f"{given[0]} and {given[1]} exclude each other")


def _repository(name: str) -> str:
    """The path of a repository that is named by a folder in it; other names are globs."""
    if name != "." and "/" not in name:
        return _text(name)
    place = attribution.locate(Path(name))
    if place.repo is None:
        raise click.UsageError(f"--repo {name} is not in a repository")
    return place.repo


def _show(found: dict[str, Any], top: int) -> None:
    width = output.room() or _width_elsewhere()
    if "calls" in found:
        from tokenguard.reports.render_calls import calls_table

        shown = calls_table(found, width, output.styled)
    else:
        from tokenguard.reports.render import table

        # What goes by time is read as a whole.
        shown = table(found, width, output.styled, most=0 if found["by"][0] in CUTTING else top)
    output.say_lines(shown)


def _width_elsewhere() -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdigit() and int(columns) >= 40 else _UNSEEN_WIDTH


def _text(argument: str) -> str:
    """An argument may hold bytes that are no UTF-8: the glob `?` matches what the ledger has in their place."""
    return argument.encode("utf-8", "replace").decode()
