"""The dearest calls for people: a line of numbers for each, and below it why."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from tokenguard.policy.money import tokens, usd
from tokenguard.policy.naming import folder_name, printable, short_model
from tokenguard.records import Confidence, Usage
from tokenguard.reports.layout import Cells, Column, Style, fit, lines, plain


def calls_table(report: dict[str, Any], width: int, style: Style) -> list[str]:
    """The calls, the dearest first."""
    calls = report["calls"]
    if not calls:
        return [" no calls in this time"]

    def cells(shown: Callable[[dict[str, Any]], str]) -> Cells:
        return plain([shown(call) for call in calls])

    columns = [
        Column("WHEN", cells(lambda call: call["started_at"][:16].replace("T", " ")), right=False),
        Column("COST", cells(lambda call: usd(call["list_nanos"], about=call["confidence"] != Confidence.EXACT))),
        Column("TOKENS", cells(lambda call: tokens(Usage(**call["usage"]).total))),
        Column("TURN", cells(lambda call: f"{call['turn']:,}"), spare=3),
        Column("MODEL", cells(lambda call: printable(short_model(call["model"]))), right=False, name=True),
        Column("AGENT", cells(lambda call: printable(call["agent"])), right=False, spare=2),
        Column("REPO", cells(lambda call: printable(folder_name(call["repo"]) or "-")), right=False, name=True),
        Column("BRANCH", cells(lambda call: printable(call["branch"] or "-")), right=False, name=True, spare=1),
    ]
    head, *rows = lines(fit(columns, width), style)
    found = [head]
    for call, row in zip(calls, rows, strict=True):
        found.append(row)
        reasons = "; ".join(printable(one["text"]) for one in call["why"]) or "no single reason"
        found += [style(f"   {line}", "dim") for line in textwrap.wrap(reasons, width - 3)]
    return found
