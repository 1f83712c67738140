"""`tokenguard prices show`."""

from __future__ import annotations

import os
import time

import click

from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.prices import told
from tokenguard.config import settings
from tokenguard.config.paths import find_paths
from tokenguard.daemon import catalogue


@click.command(
    short_help="Show what a model costs, and who says so.",
    epilog=examples(
        "tokenguard prices show claude-opus-5-5",
        "tokenguard prices show opus",
        "tokenguard prices show gpt-5.5 --provider azure --json",
    ),
)
@click.argument("model")
@click.option("--provider", metavar="NAME", help="Who sells it; its maker, or who has it, without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(model: str, provider: str | None, as_json: bool) -> None:
    """Show what a model costs, each number with its source and date.

    Long prompts, service tiers, hours, fees and announced prices are shown with it; for a model without a listed
    price, what bounds it.
    """
    paths = find_paths(os.environ)
    config = settings.load(paths)
    known = catalogue.in_force(paths, config, output.note)
    view = told.view(known, config.providers, provider, model, time.time_ns() // 1000)
    if as_json:
        output.say_json(view)
    else:
        for line in told.lines(view):
            output.say(line)
