"""`tokenguard prices check`."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click
import msgspec

from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.prices.unlisted import Findings, Unlisted, examine
from tokenguard.cli.reading import open_ledger
from tokenguard.config import settings
from tokenguard.config.paths import find_paths
from tokenguard.daemon import catalogue
from tokenguard.policy import money
from tokenguard.policy.naming import printable


@click.command(
    short_help="Name the models in the ledger without a listed price.", epilog=examples("tokenguard prices check")
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(as_json: bool) -> int:
    """Name the models in the ledger without a listed price, and what they were priced as.

    The exit code is 1 if there are any.
    """
    paths = find_paths(os.environ)
    known = catalogue.in_force(paths, settings.load(paths), output.note)
    with open_ledger(paths) as ledger:
        found = examine(ledger, known)
    if as_json:
        output.say_json({"source": known.source, **msgspec.structs.asdict(found)})
    else:
        for line in _lines(found):
            output.say(line)
        source = known.source
        output.say(f" list: {source.name} {source.version}, compiled {source.date}")
    return 1 if found.unlisted else 0


def _lines(found: Findings) -> list[str]:
    told: list[str] = []
    if found.unlisted:
        header = (" PROVIDER", "MODEL", "CALLS", "COST", "PRICED AS")
        told += [*output.columns([header, *map(_row, found.unlisted)], right={2, 3}), ""]
        told.append(f" {output.counted(len(found.unlisted), 'model')} counted at a bound; tokenguard prices update may")
        told.append(" bring the price, and a [[price]] in config.toml sets it")
    else:
        told.append(" every model in the ledger has a price")
    for one in found.local:
        calls = output.counted(one.calls, "call")
        told.append(f" free, on this machine: {printable(f'{one.model} ({one.provider})')}, {calls}")
    return told


def _row(one: Unlisted) -> Sequence[str]:
    cost = money.usd(one.cost_nanos, about=True)
    priced_as = f"{one.priced_as or 'its own worst case'} ({one.reason})"
    model = printable(one.model)
    return f" {printable(one.provider)}", model, f"{one.calls:,}", cost, printable(priced_as)
