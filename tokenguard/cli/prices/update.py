"""`tokenguard prices update`."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import click
import msgspec

from tokenguard import client
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.cli.prices.differences import lines
from tokenguard.config import settings, whole
from tokenguard.config.paths import Paths, find_paths, make_private
from tokenguard.daemon import catalogue
from tokenguard.errors import TokenguardError
from tokenguard.prices import Catalogue, decode
from tokenguard.prices.changes import Changes, changes
from tokenguard.prices.data import Source
from tokenguard.upstream import Network


@click.command(
    short_help="Take the latest published prices.",
    epilog=examples("tokenguard prices update", "tokenguard prices update --from data.json"),
)
@click.option(
    "--from",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Read a copy of genai-prices' data.json, and no network.",
)
@click.option("--yes", is_flag=True, help="Take it even if it knows less than the list in force.")
def update(file: Path | None, yes: bool) -> int:
    """Take the latest prices that genai-prices has published, and show what they change.

    A list that is older than the one in force, or has lost models or prices, is only taken with --yes.
    """
    from tokenguard.cli.prices import fetching  # the HTTP library alone takes longer than all other commands may

    paths = find_paths(os.environ)
    data = fetching.read(file) if file else fetching.fetch(_network(paths))
    compiled, after = _compiled(data, str(file or fetching.URL))
    before = catalogue.listed(paths, output.note)
    differences = changes(before, after)
    for line in lines(differences, before, after, time.time_ns() // 1000):
        output.say(line)
    if differences == Changes():
        output.say(f" nothing new since {before.source.date}")
        return 0
    if not yes and (why := _loss(differences, file, before)):
        output.note(f"{why}; nothing was changed, --yes takes it all the same")
        return 1
    _write(paths, compiled)
    output.say(f" written to {paths.prices_file}")
    daemon = client.find(paths)
    if daemon is not None:
        daemon.post("/v1/budgets/reload")
        output.say(" the daemon prices by it from now on")
    return 0


def _network(paths: Paths) -> Network:
    """How the network is reached: what is configured, and from the environment what is not."""
    given, env = settings.load(paths).network, Network.from_env(os.environ)
    own = Network.of(given.proxy, given.no_proxy, given.ca_bundle)
    return Network(
        own.proxy or env.proxy,
        own.plain_proxy or env.plain_proxy,
        own.no_proxy or env.no_proxy,
        env.ca_bundles + own.ca_bundles,
    )


def _compiled(data: bytes, origin: str) -> tuple[bytes, Catalogue]:
    """The published data as a catalogue, stored and decoded. Raises `TokenguardError` if it cannot be read as one."""
    from tokenguard.prices import published
    from tokenguard.prices.compiler import compile_catalogue

    source = Source("genai-prices", f"data.json {sha256(data).hexdigest()[:8]}", datetime.now(UTC).date().isoformat())
    try:
        providers = published.from_json(data)
        if not any(model.prices for provider in providers for model in provider.models):
            raise ValueError("it has no prices")
        compiled = compile_catalogue(providers, source)
    except (msgspec.DecodeError, ValueError, re.error) as error:
        raise TokenguardError(
            f"{origin} is no price list that this tokenguard can read: {error}",
            "name a copy of genai-prices' data.json; a newer tokenguard may read a newer one",
        ) from error
    return compiled, decode(compiled)


def _loss(differences: Changes, file: Path | None, before: Catalogue) -> str:
    """Why this list is no progress; empty if it is."""
    lost = len(differences.removed) + len(differences.unpriced)
    if lost:
        return f"the prices of {output.counted(lost, 'model')} would be lost"
    if file is not None:
        written = datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
        if written < before.source.date:
            return f"{file} is of {written}, the list in force of {before.source.date}"
    return ""


def _write(paths: Paths, compiled: bytes) -> None:
    """Put the list in place, whole. Raises `ConfigError` if it cannot be written."""
    make_private(paths.state_dir)
    whole.replace(paths.prices_file, compiled)
