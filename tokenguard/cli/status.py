"""`tokenguard status`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from tokenguard import client
from tokenguard.cli import output, status_sessions, waiting
from tokenguard.cli.commands import examples
from tokenguard.cli.status_limits import budget, window
from tokenguard.cli.status_sessions import cost, notional
from tokenguard.cli.untrusted import team_without_effect
from tokenguard.config.paths import Paths, find_paths
from tokenguard.policy import money
from tokenguard.policy.naming import printable


@click.command(epilog=examples("tokenguard status", "tokenguard status --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show what waits for you and what is being spent now: calls, budgets and sessions."""
    found = _status(find_paths(os.environ))
    if as_json:
        output.say_json(found)
    else:
        for line in lines(found, datetime.now().astimezone(), output.room()):
            output.say(line)
        if (told := team_without_effect(find_paths(os.environ))) is not None:
            output.say(output.styled(f"! {told[0]}: {told[1]}", "warn"))


def _status(paths: Paths) -> dict[str, Any]:
    daemon = client.find(paths)
    if daemon is not None:
        return daemon.get("/v1/status")
    from tokenguard.cli.resting import status_at_rest  # needs much that a running daemon spares us

    return status_at_rest(paths)


def lines(found: Mapping[str, Any], now: datetime, room: int | None = None) -> list[str]:
    """The status for people, as text in lines of at most `room` characters, as far as that goes; `now` is local."""
    told = [*_ledger(found.get("ledger") or {}, room), *_waiting(found["holds"], now, room)]
    told += output.flowing(list(_summary(found)), room=room)
    told += _logs(found.get("logs") or {}, room)
    limits = [budget(one, now) for one in found["budgets"]]
    limits += [window(one, now) for one in found.get("windows", ())]
    told += output.columns(limits, right={1, 3, 6}, spare=(8, 6, 2, 7, 5), room=room)
    told += output.columns(status_sessions.rows(found["sessions"]), right={3, 4, 5}, spare=(6, 2, 3, 1), room=room)
    if found["daemon"] is None:
        told.append("the daemon is not running; it starts with the next tokenguard run")
    return told


def _ledger(found: Mapping[str, Any], room: int | None) -> Iterator[str]:
    """What is wrong with the ledger, where something is."""
    if found.get("failing"):
        kept = found["kept"]
        writes = f"{kept} write waits" if kept == 1 else f"{kept} writes wait"
        text = f"! {found['failing']}; {writes} in memory. See tokenguard doctor"
        yield from (output.styled(line, "hard") for line in _wrapped(printable(text), room, indent=""))
    if found.get("set_aside"):
        text = f"! the ledger was damaged; it is kept as {found['set_aside']}, and a new one has begun"
        yield from (output.styled(line, "warn") for line in _wrapped(printable(text), room, indent=""))


def _logs(found: Mapping[str, Any], room: int | None) -> Iterator[str]:
    """How far agents' logs have been read, while they are, or why they cannot be."""
    if found.get("failing"):
        text = f"! agents' logs are not read: {found['failing']}. See tokenguard doctor"
        yield from (output.styled(line, "warn") for line in _wrapped(printable(text), room, indent=""))
    if found.get("state") == "reading":
        done, whole, left = found["bytes_done"], found["bytes"], found.get("left_s")
        parts = [
            f"reading agents' logs: {money.percent(done, whole) if whole else 0}% of {whole / 1e6:,.0f} MB",
            output.counted(found["rows"], "call") + " so far",
        ]
        yield from output.flowing([*parts, *([f"{left:.0f} s left"] if left is not None else [])], room=room)


def _waiting(holds: Sequence[Mapping[str, Any]], now: datetime, room: int | None) -> Iterator[str]:
    """Each call that waits: what it is, why it waits, and the two commands."""
    rows = [("!", hold["id"], *waiting.parts(hold), f"{waiting.left(hold, now)} left") for hold in holds]
    for head, hold in zip(output.columns(rows, right={5, 6}, spare=(4, 3), room=room), holds, strict=True):
        yield output.styled(head, "warn")
        yield from _wrapped(printable(hold["reason"]), room)
        yield from output.flowing(
            [f"tokenguard {answer} {hold['id']}" for answer in ("approve", "deny")], indent="  ", room=room
        )
    if holds:
        yield ""


def _wrapped(text: str, room: int | None, indent: str = "  ") -> list[str]:
    if room is None or len(indent + text) <= room:
        return [indent + text]
    from textwrap import wrap

    return wrap(text, max(room, 20), initial_indent=indent, subsequent_indent="  ", break_on_hyphens=False)


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    """What was spent today and how fast; beside it, never in it, what a subscription covered."""
    today, hour = found["totals"]["today"], found["totals"]["hour"]
    yield f"today {cost(today)}"
    if notional(today):
        yield notional(today)
    if hour["calls"]:
        yield f"{cost(hour)}/h" if hour["cost_nanos"] or not notional(hour) else notional(hour, "/h")
    yield f"{output.counted(len(found['sessions']), 'session')} running"
    if found["holds"]:
        yield f"{output.counted(len(found['holds']), 'call')} waiting"
