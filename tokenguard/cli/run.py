"""`tokenguard run`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tokenguard.cli import output
from tokenguard.cli.amounts import AMOUNT, Limit, confirm_zero
from tokenguard.cli.commands import examples
from tokenguard.config.budgets import limit_text
from tokenguard.config.paths import find_paths


class _Label(click.ParamType[tuple[str, str]]):
    name = "key=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, sign, text = str(value).partition("=")
        if not key or not sign:
            self.fail(f"'{value}' is not KEY=VALUE", param, ctx)
        return key, text


def _complete_agent(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from tokenguard.cli.known import known_agents

    known = known_agents()
    names = dict.fromkeys([*known.commands, *known.all])
    return [name for name in names if name.startswith(incomplete)]


@click.command(
    # What follows the agent's name is not even looked at: `tokenguard run claude --help` is Claude's help.
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS] [--]",
    epilog=examples(
        "tokenguard run claude",
        "tokenguard run --budget 5 --task login codex exec 'add a login page'",
        "tokenguard run --budget '2M tokens' --summary cost.json -- gemini -p 'explain this'",
    ),
)
@click.option("--budget", type=AMOUNT, help="A limit for this run, such as 5 or '2M tokens'.")
@click.option("--task", metavar="NAME", help="Name of the task, to group reports by.")
@click.option("--label", "labels", type=_Label(), multiple=True, help="A label kept with the session; repeatable.")
@click.option(
    "--summary",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what the run cost to a file, as JSON.",
)
@click.option(
    "--intercept", is_flag=True, help="Also guard what the agent says to providers without heeding base URLs."
)
@click.option("--quiet", is_flag=True, help="No line at the end.")
@click.option("--yes", is_flag=True, help="A budget of 0 is meant.")
@click.argument("agent", shell_complete=_complete_agent)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(
    budget: Limit | None,
    task: str | None,
    labels: tuple[tuple[str, str], ...],
    summary: Path | None,
    intercept: bool,
    quiet: bool,
    yes: bool,
    agent: str,
    args: tuple[str, ...],
) -> int:
    """Run AGENT with every call metered, priced and guarded.

    What follows the agent's name belongs to the agent. The exit code is the agent's; at the end one line on stderr
    says what the run cost.
    """
    from tokenguard import launch  # not needed for help and completion
    from tokenguard.cli.untrusted import team_without_effect

    if budget is not None:
        confirm_zero(budget, "--budget", yes)
    if not quiet and (told := team_without_effect(find_paths(os.environ))) is not None:
        output.note("; ".join(told))
    return launch.run(
        launch.LaunchOptions(
            agent=agent,
            args=args,
            budget=None if budget is None else limit_text(budget.value, budget.unit),
            task=task,
            labels=labels,
            summary=summary,
            quiet=quiet,
            intercept=intercept,
        )
    )
