"""What a run cost, in the one line that stands last, and as a file for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenguard.errors import UsageError
from tokenguard.policy import money
from tokenguard.policy.naming import printable, short_model
from tokenguard.records import Confidence, Unit

_NAMED = 3
"""Processes, at most, that are named in a line."""


def line(summary: Mapping[str, Any]) -> str:
    """`tokenguard  $6.21 in 41 calls  (opus-5.5 $6.02 · haiku-5.5 $0.193)  web/day 82% of $20`.

    What a subscription covered stands apart: `tokenguard  $0.00, $6.21 notional, in 41 calls`.
    """
    count = summary["calls"]
    cost = f"{_cost(summary)}, {_notional(summary)}," if _notional(summary) else _cost(summary)
    calls = "no calls" if not count else f"{cost} in {money.amount(count, Unit.CALLS)}"
    refused = f", {summary['refused']} refused" if summary["refused"] else ""
    inner = "".join(f", {_inner(one)}" for one in _by_agent(summary.get("inner", ())))
    parts = [f"tokenguard  {calls}{refused}{inner}"]
    if summary["unpriced"]:
        parts.append(f"{summary['unpriced']} of unknown cost")
    models = summary["models"]
    if len(models) == 1:
        parts.append(f"({short_model(models[0]['model'])})")
    elif models:
        parts.append("(" + " · ".join(f"{short_model(row['model'])} {_of_model(row)}" for row in models) + ")")
    parts += [_standing(budget, summary) for budget in _worth_saying(summary["budgets"])]
    return "  ".join(parts)


def intercepted(summary: Mapping[str, Any]) -> Iterator[str]:
    """What to know of a run with `--intercept`: that nothing came, or that our certificates were not taken."""
    came = (summary["proxied"], summary["calls"], summary["refused"], summary.get("inner"))
    if not any(came):
        yield (
            "no connection of this run came through the proxy; if it called a provider, it did so unseen: "
            "some programs heed no proxy variables, Node.js before 22.21 among them"
        )
    elif summary["others"] and not any(came[1:]):
        yield (
            f"it talked to {', '.join(summary['others'])}: no provider's host that tokenguard knows; "
            "if one is, name it in [providers.NAME] of config.toml"
        )
    for host in summary["untrusting"]:
        yield (
            f"connections to {host} were given up before anything was asked: the program may trust only certificates "
            "that are built in; give it its base URL (see tokenguard env), or run it without --intercept"
        )


def save(file: Path, summary: Mapping[str, Any], exit_code: int) -> None:
    """The summary as JSON. Raises `UsageError` if the file cannot be written."""
    try:
        file.write_text(json.dumps({**summary, "exit_code": exit_code}, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UsageError(f"--summary {file} cannot be written: {error.strerror}") from error


def _cost(row: Mapping[str, Any]) -> str:
    return money.usd(row["cost_nanos"], about=row["confidence"] != Confidence.EXACT)


def _notional(row: Mapping[str, Any]) -> str:
    nanos = row.get("notional_nanos", 0)
    return f"{money.usd(nanos, about=row['confidence'] != Confidence.EXACT)} notional" if nanos else ""


def _of_model(row: Mapping[str, Any]) -> str:
    """What was billed, and what was not: either alone where the other is nothing."""
    return " and ".join(filter(None, [_cost(row) if row["cost_nanos"] or not _notional(row) else "", _notional(row)]))


def _worth_saying(budgets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The budget that is fullest, and all that have reached a level."""
    by_fill = sorted(budgets, key=_percent, reverse=True)
    return by_fill[:1] + [budget for budget in by_fill[1:] if budget["level"] != "ok"]


def _percent(budget: Mapping[str, Any]) -> int:
    return money.percent(budget["spent"], budget["limit"])


def _by_agent(inner: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """What runs within the run took, by agent."""
    for agent in dict.fromkeys(one["agent"] for one in inner):
        ones = [one for one in inner if one["agent"] == agent and one["calls"]]
        if ones:
            sums = {key: sum(one.get(key, 0) for one in ones) for key in ("calls", "cost_nanos", "notional_nanos")}
            trust = max((Confidence(one["confidence"]) for one in ones), key=list(Confidence).index)
            yield {**sums, "agent": agent, "confidence": trust}


def _inner(one: Mapping[str, Any]) -> str:
    """`$1.07 of it in 17 calls of codex within`."""
    return f"{_of_model(one)} of it in {money.amount(one['calls'], Unit.CALLS)} of {printable(one['agent'])} within"


def left(summary: Mapping[str, Any], title: str, leaves: str) -> Iterator[str]:
    """What to know of processes that have outlived the agent, one line each; `leaves` is what it is known to leave."""
    runs = [one for one in summary.get("left", ()) if one["session"]]
    others = [one for one in summary.get("left", ()) if not one["session"]]
    for one in runs:
        yield f"{printable(one['name'])} (pid {one['pid']}) still runs, in a session of its own within this one"
    if others:
        named = ", ".join(f"{printable(one['name'])} (pid {one['pid']})" for one in others[:_NAMED])
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        still, spends = ("still runs", "it spends") if len(others) == 1 else ("still run", "they spend")
        known = f" ({title} leaves {leaves})" if leaves else ""
        yield f"{named}{more} {still}{known}: what {spends} counts in this session"


def _standing(budget: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    unit = Unit(budget["unit"])
    limit = money.limit(budget["limit"], unit).removesuffix(".00")
    label = printable(budget["label"])
    if budget["scope"] == "session":
        label = "this run" if budget.get("key") in (None, summary.get("id")) else "the run around it"
    # A percentage of a percentage would only confuse.
    used = budget["spent"] if unit is Unit.PERCENT else _percent(budget)
    return f"{label} {used}% of {limit}"
