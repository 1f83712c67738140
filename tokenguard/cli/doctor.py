"""`tokenguard doctor`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from tokenguard.cli import installation, interception, logs, monitoring, output, surroundings
from tokenguard.cli.commands import examples
from tokenguard.cli.env import checks
from tokenguard.cli.findings import Finding, show
from tokenguard.cli.hooks import checks as hooks
from tokenguard.cli.team import checks as teams
from tokenguard.config import settings
from tokenguard.config.paths import Paths, find_paths
from tokenguard.errors import TokenguardError


@click.command(epilog=examples("tokenguard doctor"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> int:
    """Check the installation; each finding comes with its remedy.

    The exit code is 1 if a check failed.
    """
    findings = list(_findings(find_paths(os.environ)))
    sound = all(finding.state != "fail" for finding in findings)
    if as_json:
        output.say_json({"ok": sound, "checks": findings})
    else:
        for finding in findings:
            show(finding)
    return 0 if sound else 1


def _findings(paths: Paths) -> Iterator[Finding]:
    yield installation.python()
    yield installation.system()
    yield from installation.folders(paths)
    yield from installation.config(paths)
    yield from teams.findings(paths)
    yield from installation.daemon(paths)
    yield from installation.ledger(paths)
    yield from logs.read(paths)
    try:
        config = settings.load(paths)
    except TokenguardError:
        config = settings.Config()  # what is wrong with it was told above
    yield from surroundings.agents(os.environ, config)
    yield from checks.editors(os.environ, paths, config)
    yield from surroundings.network(os.environ, config)
    yield from interception.authorities(paths)
    yield from surroundings.notifications(os.environ, config)
    yield from monitoring.metrics(config)
    yield surroundings.git(os.environ)
    yield from hooks.findings(paths)
