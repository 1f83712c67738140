"""`tokenguard approve` and `tokenguard deny`: answers to calls that wait."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tokenguard import client
from tokenguard.cli import output
from tokenguard.cli.amounts import AMOUNT_OR_PERCENT, Limit
from tokenguard.cli.commands import examples
from tokenguard.cli.waiting import words
from tokenguard.config.budgets import limit_text
from tokenguard.config.paths import find_paths
from tokenguard.errors import TokenguardError, UsageError
from tokenguard.policy import money

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_NAMED = 5
"""Calls that an error names."""


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    try:
        daemon = client.find(find_paths(os.environ))
        waiting: list[dict[str, Any]] = daemon.get("/v1/status")["holds"] if daemon else []
    except TokenguardError:
        return []
    return [CompletionItem(hold["id"], help=words(hold)) for hold in waiting if hold["id"].startswith(incomplete)]


@click.command(
    epilog=examples("tokenguard approve 7f2c", "tokenguard approve 7f2c --amount 5 --reason 'release tonight'")
)
@click.argument("hold_id", metavar="[ID]", required=False, shell_complete=_complete)
@click.option("--amount", type=AMOUNT_OR_PERCENT, help="Raise its budget by so much, for other calls too.")
@click.option("--cheaper", is_flag=True, help="With the next model down, which status names.")
@click.option("--reason", metavar="TEXT", help="Why; it is kept with the answer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def approve(hold_id: str | None, amount: Limit | None, cheaper: bool, reason: str | None, as_json: bool) -> int:
    """Let the call ID, which waits for an answer, go on.

    The budget that cannot take it is raised by what it takes, or by more with --amount. Without ID, the only call that
    waits is meant. tokenguard status shows the calls that wait.
    """
    if amount is not None and amount.value == 0:
        raise UsageError("--amount is 0, which raises nothing", "write 20; a shell turns an unquoted $20 into 0")
    return _answer(hold_id, "cheaper" if cheaper else "approve", amount, reason, as_json=as_json)


@click.command(epilog=examples("tokenguard deny 7f2c", "tokenguard deny 7f2c --reason 'use the smaller model'"))
@click.argument("hold_id", metavar="[ID]", required=False, shell_complete=_complete)
@click.option("--reason", metavar="TEXT", help="Why; the agent is told.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def deny(hold_id: str | None, reason: str | None, as_json: bool) -> int:
    """Refuse the call ID, which waits for an answer.

    Without ID, the only call that waits is meant. tokenguard status shows the calls that wait.
    """
    return _answer(hold_id, "deny", None, reason, as_json=as_json)


def _answer(hold_id: str | None, answer: str, amount: Limit | None, reason: str | None, *, as_json: bool) -> int:
    daemon = client.find(find_paths(os.environ))
    if daemon is None:
        raise UsageError("no call waits: the daemon is not running", "it starts with the next tokenguard run")
    if hold_id is None:
        hold_id = _only_one(daemon.get("/v1/status")["holds"], "deny" if answer == "deny" else "approve")
    elif not (hold_id.isascii() and hold_id.isalnum()):
        raise UsageError(f'"{hold_id}" is not the id of a call', "tokenguard status shows those that wait")
    text = None if amount is None else limit_text(amount.value, amount.unit)
    told = daemon.post(f"/v1/holds/{hold_id}", {"answer": answer, "amount": text, "reason": reason})
    heeded = told["answer"] == answer
    if as_json:
        output.say_json(told)
    elif heeded:
        raised = f"; {told['budget']} is raised by {money.limit(amount.value, amount.unit)}" if amount else ""
        output.say(
            f"{hold_id} {'denied' if answer == 'deny' else 'approved'}: {words(told)}{_instead(told, answer)}{raised}"
        )
    else:
        output.say(f"{hold_id} had another answer meanwhile: {told['answer']}")
    return 0 if heeded else 1


def _instead(told: dict[str, Any], answer: str) -> str:
    """What serves in its place."""
    if answer != "cheaper":
        return ""
    other = told["cheaper"]
    return f"; {other['model']} serves it for {money.usd(other['estimate_nanos'], about=True)}"


def _only_one(waiting: Sequence[dict[str, Any]], answer: str) -> str:
    if not waiting:
        raise UsageError("no call waits for an answer", "tokenguard status shows what is going on")
    first: str = waiting[0]["id"]
    if len(waiting) > 1:
        named = ", ".join(f"{hold['id']} ({words(hold)})" for hold in waiting[:_NAMED])
        more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
        raise UsageError(f"{len(waiting)} calls wait: {named}{more}", f"name one: tokenguard {answer} {first}")
    return first
