"""What command lines leave behind."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from tokenguard.cli.commands import root
from tokenguard.config.paths import find_paths
from tokenguard.ledger import Ledger, Settlement
from tokenguard.records import Call, Charge, Confidence, Leg, Session, Usage

MODEL = "claude-opus-5-5"


class Outcome(Struct, frozen=True):
    """The end of a command line."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)


Cli = Callable[..., Outcome]
"""`cli("status", "--json")` runs it."""


def every_command() -> list[list[str]]:
    """The words of every command and group that help shows, the program's own (none) first."""
    found: list[list[str]] = []
    todo: list[tuple[list[str], click.Command]] = [([], root)]
    while todo:
        words, command = todo.pop(0)
        found.append(words)
        if isinstance(command, click.Group):
            context = click.Context(command)
            below = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
            todo += [([*words, name], child) for name, child in below if child and not child.hidden]
    return found


NOW_US = time.time_ns() // 1000
"""When the tests began: what they record is recent for commands too."""


def call(
    number: int, *, ago_s: int = 60, repo: str | None = "/src/web", agent: str = "claude", model: str = MODEL
) -> Call:
    """A call that started `ago_s` seconds ago."""
    return Call(
        id=number,
        session=f"session-{repo}",
        agent=agent,
        provider="anthropic",
        dialect="anthropic-messages",
        model=model,
        started_us=NOW_US - ago_s * 1_000_000,
        repo=repo,
        branch="main",
        task="login",
    )


def record(home: Path, calls: dict[Call, int], *marks: str) -> None:
    """Write a ledger in which each call cost so many nanodollars, for 100 tokens in and 10 out.

    With marks, that is a bound.
    """
    home.mkdir(mode=0o700, exist_ok=True)
    asyncio.run(_record(find_paths({"TOKENGUARD_HOME": str(home)}).ledger, calls, marks))


async def _record(file: Path, calls: dict[Call, int], marks: tuple[str, ...]) -> None:
    ledger = Ledger.open(file)
    usage = Usage(input=100, output=10)
    for one in {call.session: call for call in calls}.values():
        session = Session(one.session, one.agent, one.started_us, repo=one.repo, branch=one.branch, task=one.task)
        await ledger.open_session(session, None)
    for one, nanos in calls.items():
        charge = Charge(nanos, Confidence.BOUND if marks else Confidence.EXACT, marks, (nanos,))
        await ledger.settle(
            Settlement(one, charge, one.started_us + 1, "ok", (Leg(one.model, usage),), usage, one.model, status=200)
        )
    await ledger.close()
