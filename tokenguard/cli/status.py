"""`tokenguard status`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from tokenguard import client
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.config.paths import Paths, find_paths
from tokenguard.policy import money
from tokenguard.records import Confidence, Unit

_LEVELS = {"ok": "", "info": "info", "warn": "warn", "soft": "soft", "hard": "used up"}


@click.command(epilog=examples("tokenguard status", "tokenguard status --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show what is being spent now: sessions and budgets."""
    found = _status(find_paths(os.environ))
    if as_json:
        output.say_json(found)
    else:
        for line in lines(found, datetime.now().astimezone()):
            output.say(line)


def _status(paths: Paths) -> dict[str, Any]:
    daemon = client.find(paths)
    if daemon is not None:
        return daemon.get("/v1/status")
    from tokenguard.cli.resting import status_at_rest  # needs much that a running daemon spares us

    return status_at_rest(paths)


def lines(found: Mapping[str, Any], now: datetime) -> list[str]:
    """The status for people, as text; `now` is local."""
    told = [_summary(found)]
    told += output.columns([_budget(one, now) for one in found["budgets"]], right={1, 3})
    told += output.columns([_session(one) for one in found["sessions"]], right={3, 4})
    if found["daemon"] is None:
        told.append("the daemon is not running; it starts with the next tokenguard run")
    return told


def _summary(found: Mapping[str, Any]) -> str:
    totals = found["totals"]
    parts = [f"today {_cost(totals['today'])}"]
    if totals["hour"]["calls"]:
        parts.append(f"{_cost(totals['hour'])}/h")
    parts.append(f"{output.counted(len(found['sessions']), 'session')} running")
    return " · ".join(parts)


def _cost(totals: Mapping[str, Any]) -> str:
    about = totals["confidence"] != Confidence.EXACT or totals["unpriced"] > 0
    return money.usd(totals["cost_nanos"], about=about)


def _budget(one: Mapping[str, Any], now: datetime) -> Sequence[str]:
    """`web/day  $16.40 of $20.00  82%  warn  resets 00:00`; the level in words too, for those who see no colours."""
    unit = Unit(one["unit"])
    spent, limit = money.amount(one["spent"], unit), money.limit(one["limit"], unit)
    used = f"{money.percent(one['spent'], one['limit'])}%"
    level = output.styled(_LEVELS[one["level"]], one["level"])
    return one["label"], spent, f"of {limit}", used, level, _resets(one["resets_at"], now)


def _resets(at: str | None, now: datetime) -> str:
    if at is None:
        return ""
    resets = datetime.fromisoformat(at)
    near = resets - now < timedelta(days=1)
    return f"resets {resets:%H:%M}" if near else f"resets {resets:%b} {resets.day}"


def _session(one: Mapping[str, Any]) -> Sequence[str]:
    repo = (one["repo"] or "").rstrip("/").rpartition("/")[2]
    calls = output.counted(one["calls"], "call")
    return f"  {one['agent']}", repo, one["branch"] or "", calls, _cost(one), one["task"] or ""
