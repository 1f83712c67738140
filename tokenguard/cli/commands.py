"""The table of commands, and the group that imports a command only when it is the one that runs."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click

from tokenguard import __version__

PROGRAM = "tokenguard"

WANTS_JSON = "tokenguard.wants_json"
"""Key of the context's meta: the command that was asked for was asked for JSON."""


class Entry(NamedTuple):
    """A command that is not imported yet."""

    where: str
    """`module:attribute` below `tokenguard.cli`."""
    summary: str
    """What `tokenguard --help` says of it."""


COMMANDS: dict[str, Entry] = {
    "run": Entry("run:run", "Run an agent with every call metered, priced and guarded."),
    "status": Entry("status:status", "Show what waits for you and what is being spent now."),
    "tui": Entry("tui:tui", "Watch it live: budgets, sessions, calls, and what waits for you."),
    "approve": Entry("holds:approve", "Let a call that waits for an answer go on."),
    "deny": Entry("holds:deny", "Refuse a call that waits for an answer."),
    "statusline": Entry("statusline.command:statusline", "Print one line for a status line, a bar or a prompt."),
    "report": Entry("report:report", "Show what was spent, by model, day, repository and more."),
    "ci": Entry("ci:ci", "Check what commits cost, where no daemon runs."),
    "import": Entry("importing:import_logs", "Read what agents write down themselves into the ledger."),
    "advise": Entry("advise:advise", "Show which habits cost more than they had to."),
    "budget": Entry("budget:budget", "List, set, remove and raise budgets."),
    "team": Entry("team.command:team", "Share limits with others, through git or PostgreSQL."),
    "trust": Entry("trusting:trust", "Let a repository's file do more than tighten."),
    "untrust": Entry("trusting:untrust", "Take that back."),
    "hooks": Entry("hooks.command:hooks", "Let git say what budgets say, at commits and pushes."),
    "prices": Entry("prices:prices", "Show, check and refresh what models cost."),
    "agents": Entry("agents:agents", "Show how each agent is guarded, and try one out."),
    "mcp": Entry("mcp.command:mcp", "Let an agent see its budget, and ask you for more."),
    "env": Entry("env.command:env", "Send unwrapped agents and editors through the fixed port."),
    "daemon": Entry("daemon:daemon", "Start, stop and install the process in the background."),
    "doctor": Entry("doctor:doctor", "Check the installation; each finding comes with its remedy."),
    "demo": Entry("demo:demo", "See all of it work against a simulated provider, without a key."),
    "completion": Entry("completion:completion", "Print the completion script for a shell."),
}
"""Every command, in the order in which help lists them."""


class Commands(click.Group):
    """A group that notes, before its commands are parsed, that JSON was asked for; in the order of definition."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        takes_json = command is not None and any("--json" in option.opts for option in command.params)
        ctx.meta[WANTS_JSON] = takes_json and "--json" in rest
        return name, command, rest


class _Root(Commands):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.where.partition(":")
        command: click.Command = getattr(import_module(f"tokenguard.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=list(COMMANDS), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


def examples(*lines: str) -> str:
    """The end of a command's help: lines that can be typed as they stand."""
    title = "Example:" if len(lines) == 1 else "Examples:"
    return "\b\n" + "\n".join([title, *(f"  {line}" for line in lines)])


@click.group(
    cls=_Root,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("tokenguard run claude", "tokenguard run --budget 5 codex", "tokenguard status"),
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def root() -> None:
    """A budget guard for coding agents: live spend, hard limits, no surprises."""
