"""`tokenguard demo`."""

from __future__ import annotations

import sys
from contextlib import closing

import click

from tokenguard.cli import output, scratch
from tokenguard.cli.commands import examples


@click.command(epilog=examples("tokenguard demo", "tokenguard demo --fast --no-tui"))
@click.option("--fast", is_flag=True, help="As fast as this machine can, not at the speed of models.")
@click.option("--no-tui", is_flag=True, help="A line for each call, not the dashboard.")
def demo(fast: bool, no_tui: bool) -> int:
    """See all of it work against a simulated provider, without a key.

    Four scripted agents work in four repositories, each with a budget, until one of them is stopped. Together they
    speak every protocol that tokenguard reads. Then three people share a limit, and every charge in the ledger is
    compared with the providers' own bill. All of it happens in a folder that goes away.
    """
    from tokenguard.cli.demo import (
        audit,
        branch,
        cast,
        live,
        play,
        scenery,
        stage,
        team,
        watching,
    )  # not needed for help and completion

    pace = cast.FAST if fast else cast.HUMAN
    output.say(f"Four scripted agents, simulated providers; each repository may spend {scenery.LIMIT} a day.\n")
    sys.stdout.flush()
    with scratch.ended_by_signals(), stage.built(pace) as staged:
        if watching.possible() and not no_tui:
            if not watching.watch(staged, pace):
                output.say("You left before the agents had ended: there is nothing to compare.")
                return 0
        else:
            lines = live.Lines()
            with closing(play.perform(staged, pace)) as performance:
                for happening in performance:
                    lines.take(happening)
            output.say()
        output.say(staged.ask("report", "--by", "repo,agent,branch"))
        output.say(staged.ask("report", "--by", "model"))
        output.say("Then somebody takes over where Claude Code was stopped.\n")
        branch.show(staged)
        bill, charges = staged.providers.bill(), audit.recorded(staged.paths.ledger)
        differing = audit.differences(charges, staged.daemon.get("/v1/report")["total"], bill)
        output.say(f"And three people share ${team.LIMIT} a day, through a git remote.\n")
        team.show(staged, pace)
    for row in output.columns([audit.HEADER, *audit.by_dialect(charges, bill)], right=audit.NUMBERS):
        output.say(f" {row}".rstrip())
    output.say()
    dialects = len({call.dialect for call in bill.calls})
    for line in differing:
        output.say(line)
    if differing:
        output.say(f"The ledger differs from the providers' bill in {len(differing)} places.")
        return 1
    output.say(
        f"The ledger equals the providers' own bill to the nanodollar, call by call: "
        f"{len(bill.calls)} calls in {dialects} dialects, {bill.total_nanos:,} nanodollars."
    )
    return 0
