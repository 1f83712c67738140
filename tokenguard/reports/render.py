"""Reports for people: a table without lines that fits 80 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tokenguard.policy.money import tokens, usd
from tokenguard.records import Confidence, Usage

_NONE = "-"

_Names = dict[str, dict[str | None, str]]


def table(report: dict[str, Any]) -> RenderableType:
    """The report with its total and what has to be known of its numbers.

    With one key, tokens are shown by bucket and as a share; with more, the room goes to the keys. What is notional has
    a column of its own, where there is any.
    """
    if not report["rows"]:
        return Text(" no calls in this time")
    by: list[str] = report["by"]
    names = {key: _names(key, [row[key] for row in report["rows"]]) for key in by}
    whole = report["total"]
    rows = [[*_labels(by, names, row, before), *_numbers(by, row, whole)] for before, row in _after(report["rows"])]
    total = ["total", *by[1:], *_numbers(by, whole, whole)]
    total[1 : len(by)] = [""] * (len(by) - 1)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for key in by:
        grid.add_column(key.replace("-", " ").upper())
    heads = ("IN", "CACHED", "OUT", "TOKENS") if len(by) == 1 else ("TOKENS",)
    money = ("SPEND", "COST", "NOTIONAL") if whole["notional_nanos"] else ("SPEND", "COST")
    for at, name in enumerate(("CALLS", *heads, *money), len(by)):
        width = max(len(cells[at]) for cells in [*rows, total])
        grid.add_column(name, justify="right", no_wrap=True, min_width=max(width, len(name)))
    for cells in rows:
        grid.add_row(*map(_cell, cells))
    grid.add_row()
    grid.add_row(*map(_cell, total), style="bold")
    notes = [Text(note, style="dim") for note in _notes(report)]
    return Padding(Group(grid, *notes), (0, 0, 0, 1), expand=False)


def _cell(text: str) -> Text:
    # Where it is narrow, rich takes the room from the columns that may wrap: names are cut, numbers never.
    return Text(text, no_wrap=True, overflow="ellipsis")


def _after(rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each row with the one before it."""
    return zip([{}, *rows], rows, strict=False)


def _labels(by: list[str], names: _Names, row: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """The names of a row's keys, without those that the row above has already said."""
    said = 0
    while by[said] in before and before[by[said]] == row[by[said]]:
        said += 1
    return [""] * said + [names[key][row[key]] for key in by[said:]]


def _numbers(by: list[str], sums: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    usage = Usage(**sums["usage"])
    money = [_percent(sums.get("spend_share") if whole["cost_nanos"] else None), _dollars(sums, "cost_nanos")]
    if whole["notional_nanos"]:
        money.append(_dollars(sums, "notional_nanos") if sums["notional_nanos"] else "")
    if len(by) > 1:
        return [f"{sums['calls']:,}", tokens(usage.total), *money]
    sent, cached = usage.prompt - usage.cache_read, usage.cache_read
    buckets = (tokens(sent), tokens(cached), tokens(usage.output))
    return [f"{sums['calls']:,}", *buckets, _percent(sums.get("token_share")), *money]


def _percent(share: float | None) -> str:
    """Nothing for a total, whose share is no news."""
    if share is None:
        return ""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _dollars(sums: dict[str, Any], which: str) -> str:
    return usd(sums[which], about=sums["confidence"] != Confidence.EXACT or sums["unpriced"] > 0)


def _notes(report: dict[str, Any]) -> list[str]:
    notes: list[str] = []
    total = report["total"]
    if total["confidence"] != Confidence.EXACT or total["unpriced"]:
        notes.append("≈ not exact: estimated, or a bound that the true cost does not pass")
    if total["unpriced"]:
        notes.append(f"{total['unpriced']:,} calls have no known price and are not in the cost")
    if total["notional_nanos"]:
        notes.append("notional: at list price, but covered by a subscription or run on this machine")
    if any(row.get("task_inferred") for row in report["rows"]):
        notes.append("~ inferred from what the agent did; tokenguard run --task NAME names a task")
    return ["", *notes] if notes else []


def _names(key: str, labels: list[str | None]) -> dict[str | None, str]:
    """What to call each label: repositories by their folder, with its parent where two are called the same."""
    if key == "hour":
        return {label: _clean(label)[:16].replace("T", " ") for label in labels}
    if key != "repo":
        return {label: _clean(label) for label in labels}
    paths = {label: _clean(label).rsplit("/", 2) for label in set(labels)}
    same = Counter(parts[-1] for parts in paths.values())
    return {label: "/".join(parts[-2:] if same[parts[-1]] > 1 else parts[-1:]) for label, parts in paths.items()}


def _clean(label: str | None) -> str:
    """Names come from requests and folders: nothing in them may reach the terminal as a control sequence."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in label or _NONE)
