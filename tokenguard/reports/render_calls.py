"""The dearest calls for people: a line of numbers for each, and below it why."""

from __future__ import annotations

import textwrap
from typing import Any

from tokenguard.policy.money import tokens, usd
from tokenguard.policy.naming import folder_name, printable, short_model
from tokenguard.records import Confidence, Usage
from tokenguard.reports.layout import Column, Style, fit, lines


def calls_table(report: dict[str, Any], width: int, style: Style) -> list[str]:
    """The calls, the dearest first."""
    calls = report["calls"]
    if not calls:
        return [" no calls in this time"]
    columns = [
        Column("WHEN", [call["started_at"][:16].replace("T", " ") for call in calls], right=False),
        Column("COST", [usd(call["list_nanos"], about=call["confidence"] != Confidence.EXACT) for call in calls]),
        Column("TOKENS", [tokens(Usage(**call["usage"]).total) for call in calls]),
        Column("TURN", [f"{call['turn']:,}" for call in calls], spare=3),
        Column("MODEL", [printable(short_model(call["model"])) for call in calls], right=False, name=True),
        Column("AGENT", [printable(call["agent"]) for call in calls], right=False, spare=2),
        Column("REPO", [printable(folder_name(call["repo"]) or "-") for call in calls], right=False, name=True),
        Column("BRANCH", [printable(call["branch"] or "-") for call in calls], right=False, name=True, spare=1),
    ]
    head, *rows = lines(fit(columns, width), style)
    found = [head]
    for call, row in zip(calls, rows, strict=True):
        found.append(row)
        reasons = "; ".join(printable(one["text"]) for one in call["why"]) or "no single reason"
        found += [style(f"   {line}", "dim") for line in textwrap.wrap(reasons, width - 3)]
    return found
