"""`tokenguard agents check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct, field
from msgspec.structs import replace

from tokenguard.agents import Agent, Agents
from tokenguard.agents.versions import version_of
from tokenguard.cli import output, scratch
from tokenguard.cli.agents import diagnosis
from tokenguard.cli.agents.trying import Attempt, Tried, tried
from tokenguard.cli.commands import examples
from tokenguard.cli.findings import Finding, show
from tokenguard.config.paths import find_paths
from tokenguard.config.settings import load
from tokenguard.errors import UsageError
from tokenguard.launch.finding import find_program

_MOST_OUTPUT = 4_000
"""Characters."""


class Checked(Struct):
    """What was found, as `--json` tells it."""

    agent: str
    path: str
    version: str | None = None
    ok: bool = False
    checks: list[Finding] = field(default_factory=list[Finding])
    answer: Attempt | None = None
    refusal: Attempt | None = None
    """The attempt with a budget of nothing."""


def _complete_agent(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from tokenguard.cli.known import known_agents

    return [name for name in known_agents().all if name.startswith(incomplete)]


@click.command(
    short_help="Try an agent out against simulated providers.",
    epilog=examples("tokenguard agents check claude", "tokenguard agents check mycoder -- --print 'say hello'"),
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("agent", shell_complete=_complete_agent)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def check(as_json: bool, agent: str, args: tuple[str, ...]) -> int:
    """Try AGENT out against simulated providers: do its calls come here, and does it stop at a refusal?

    It runs in a folder of its own that goes away, with an empty home and made-up keys: nothing of yours is read, but
    what config.toml says of the agent, and nobody is contacted. ARGS, which stand after --, let it answer one prompt
    and end; agents that are known need none. The exit code is 1 if a check failed.
    """
    config = load(find_paths(os.environ))
    known = Agents(config.agents)
    _, found = known.started_by(agent)
    path = find_program(agent, found, known, os.environ.get("PATH", os.defpath))
    if not args and found.trial("", Path()) is None:
        raise UsageError(
            f"nobody here knows how {agent} answers one prompt and ends",
            f"say it: tokenguard agents check {agent} -- ARGUMENTS",
        )
    checked = Checked(found.NAME, path)
    with scratch.ended_by_signals(), tried(found, agent, path, args or None, config) as world:
        for finding in _checks(checked, found, world):
            checked.checks.append(finding)
            if not as_json:
                show(finding)
                sys.stdout.flush()
    checked.answer, checked.refusal = _shortened(checked.answer), _shortened(checked.refusal)
    checked.ok = all(finding.state != "fail" for finding in checked.checks)
    if as_json:
        output.say_json(checked)
    return 0 if checked.ok else 1


def _shortened(attempt: Attempt | None) -> Attempt | None:
    """Without all that an agent may write before it comes to the point."""
    return attempt and replace(attempt, output=attempt.output[-_MOST_OUTPUT:])


def _checks(checked: Checked, agent: Agent, world: Tried) -> Iterator[Finding]:
    checked.version = version_of(checked.path) or world.version()
    yield diagnosis.of_version(agent, checked.path, checked.version)
    checked.answer = world.run()
    yield from diagnosis.of_answer(agent, checked.answer)
    if checked.answer.calls:
        checked.refusal = world.run("--budget", "0", "--yes")
        yield diagnosis.of_refusal(checked.refusal)
