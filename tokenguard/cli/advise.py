"""`tokenguard advise`."""

from __future__ import annotations

import os
import time

import click

from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.reading import open_ledger
from tokenguard.config import settings
from tokenguard.config.paths import find_paths
from tokenguard.daemon import catalogue
from tokenguard.reports.advice.question import Question, answer
from tokenguard.reports.advice.render import WIDTH, lines

_WIDEST = 120
"""Columns: longer lines are hard to read."""


@click.command(
    short_help="Show which habits cost more than they had to, and what would change that.",
    epilog=examples("tokenguard advise", "tokenguard advise --since 7d", "tokenguard advise --since 2026-11-01 --json"),
)
@click.option("--since", metavar="TIME", default="30d", help="today, 7d, 12h or 2026-11-21; 30d without it.")
@click.option("--until", metavar="TIME", help="The same; its instant is not included any more.")
@click.option("--timezone", metavar="ZONE", help="IANA name for dates; the machine's zone without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def advise(since: str, until: str | None, timezone: str | None, as_json: bool) -> None:
    """Show which habits cost more than they had to, measured on your own calls.

    Dear models for short answers, contexts past a price cliff, pauses that outlasted the cache, caches that nobody
    read, answers that were given up. Each with its calls, its dollars, and what would change it.
    """
    paths = find_paths(os.environ)
    prices = catalogue.in_force(paths, settings.load(paths), output.note)
    with open_ledger(paths) as ledger:
        found = answer(ledger, prices, Question(since, until, timezone), time.time_ns() // 1000)
    if as_json:
        output.say_json(found)
        return
    begin, end = (found[at][:16].replace("T", " ").removesuffix(" 00:00") for at in ("since", "until"))
    told = f"since {begin}" if until is None else f"from {begin} until {end}"
    for line in lines(found, told, min(output.room() or WIDTH, _WIDEST)):
        output.say(line)
