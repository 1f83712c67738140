"""Reports for people: a table without lines that fits its width, and what stands out in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from tokenguard.policy.money import tokens, usd
from tokenguard.policy.naming import printable
from tokenguard.records import Confidence, Usage
from tokenguard.reports.keys import CUTTING, UNMARKED
from tokenguard.reports.layout import Column, Style, fit, lines
from tokenguard.reports.remarks import remarks

_NONE = "-"
_PATHS = ("repo", "worktree")
_MARK = "◀"
_KINDS: tuple[tuple[str, Callable[[Usage], int]], ...] = (
    ("IN", lambda usage: usage.prompt - usage.cache_read),
    ("CACHED", lambda usage: usage.cache_read),
    ("OUT", lambda usage: usage.output),
)
"""Tokens by kind, where there is room."""

_Names = dict[str, dict[str | None, str]]
_Row = dict[str, Any]


def table(report: _Row, width: int, style: Style, *, most: int = 0) -> list[str]:
    """The report with its total and what has to be known of its numbers; of the rows, the `most` dearest (0: all)."""
    if not report["rows"]:
        return [" no calls in this time"]
    shown, left = _dearest(report["rows"], most)
    by: list[str] = report["by"]
    whole = report["total"]
    columns = [
        *_named(by, shown, left),
        *(_lengths(shown, left) if by == ["length"] else _numbers(shown, left, whole, by[-1])),
    ]
    found = lines(fit(columns, width), style)
    found[-1:-1] = [""]
    found[-1] = style(found[-1], "bold")
    told = [style(f" {text}", name) if name else f" {text}" for text, name in remarks(report, width - 1)]
    return [*found, "", *told] if told else found


def _dearest(rows: list[_Row], most: int) -> tuple[list[_Row], list[_Row]]:
    """The rows to show, in their order, and the others."""
    if not most or len(rows) <= most:
        return rows, []
    places = sorted(range(len(rows)), key=lambda at: -(rows[at]["cost_nanos"] + rows[at]["notional_nanos"]))
    chosen = set(places[:most])
    return [rows[at] for at in sorted(chosen)], [rows[at] for at in sorted(places[most:])]


def _named(by: list[str], rows: list[_Row], left: list[_Row]) -> list[Column]:
    """The columns of the keys, without what the row above has already said."""
    names = {key: names_of(key, {row[key] for row in rows}) for key in by}
    if by == ["commit"]:
        names["commit"] = {row["commit"]: _commit(row) for row in rows}
    told = [_labels(by, names, row, before) for before, row in zip([{}, *rows], rows, strict=False)]
    columns = [
        Column(key.replace("-", " ").upper(), [labels[at] for labels in told], right=False, name=key not in CUTTING)
        for at, key in enumerate(by)
    ]
    for at, column in enumerate(columns):
        first = at == 0
        column.cells += [f"{len(left):,} more" if first else ""] * bool(left) + ["total" if first else ""]
    return columns


def _labels(by: list[str], names: _Names, row: _Row, before: _Row) -> list[str]:
    said = 0
    while by[said] in before and before[by[said]] == row[by[said]]:
        said += 1
    return [""] * said + [names[key][row[key]] for key in by[said:]]


def _numbers(rows: list[_Row], left: list[_Row], whole: _Row, last: str) -> list[Column]:
    """Tokens and dollars with their shares side by side, and what caches did."""
    all_rows = [*rows, *([_together(left)] if left else []), whole]
    billed = "spend_share" if whole["cost_nanos"] else "list_share"
    token_shares = [row.get("token_share", 0.0) for row in all_rows]
    dollar_shares = [row.get(billed, 0.0) for row in all_rows]
    usages = [Usage(**row["usage"]) for row in all_rows]
    cells: list[tuple[str, ...]] = [
        (
            f"{row['calls']:,}",
            tokens(usage.total),
            _percent(row.get("token_share")),
            _dollars(row, "cost_nanos"),
            _dollars(row, "notional_nanos") if row["notional_nanos"] else "",
            _percent(row.get(billed)),
            _MARK if row.get("stands_out") and len(rows) > 1 and last not in UNMARKED else "",
            _percent(row["hit_rate"]) if row["hit_rate"] is not None else "",
            usd(saved) if (saved := row["saved_nanos"] + row["notional_saved_nanos"]) else "",
        )
        for row, usage in zip(all_rows, usages, strict=True)
    ]
    calls, counts, token_percents, costs, notional, percents, marks, hits, saved = (
        list(one) for one in zip(*cells, strict=True)
    )
    styles = ["warn" if mark else "" for mark in marks]
    return [
        Column("CALLS", calls, spare=1),
        *(Column(head, [], spare=5, late=partial(_counts, usages, count)) for head, count in _KINDS),
        Column("TOKENS", counts),
        Column("", token_percents, gap=1),
        Column("", [""] * len(all_rows), right=False, spare=4, shares=token_shares, gap=1),
        Column("COST", costs),
        Column("", percents, gap=1, styles=styles),
        Column("", [""] * len(all_rows), right=False, spare=4, shares=dollar_shares, gap=1, styles=styles),
        *([Column("", marks, gap=1, styles=styles)] if any(marks) else []),
        *([Column("NOTIONAL", notional)] if any(notional) else []),
        Column("HIT", hits, spare=2),
        *([Column("SAVED", saved, spare=3)] if any(saved) else []),
    ]


def _counts(usages: list[Usage], count: Callable[[Usage], int]) -> list[str]:
    return [tokens(count(usage)) for usage in usages]


def _lengths(rows: list[_Row], left: list[_Row]) -> list[Column]:
    """Conversations by their turns: what the first fifth of their turns sent and cost, and the last one."""
    every = [*rows, *left]
    names = ("sessions", "turns", "cost_nanos", "notional_nanos")
    total = {name: sum(row[name] for row in every) for name in names}
    told: list[_Row] = [*rows, *([{name: sum(row[name] for row in left) for name in names}] if left else []), total]
    shares = [row.get("list_share", 0.0) for row in told]

    def grown(name: str, shown: Callable[[int], str]) -> list[str]:
        return [
            f"{shown(growth[f'first_{name}'])} → {shown(growth[f'last_{name}'])}"
            if (growth := row.get("growth"))
            else ""
            for row in told
        ]

    return [
        Column("SESSIONS", [f"{row['sessions']:,}" for row in told]),
        Column("TURNS", [f"{row['turns']:,}" for row in told], spare=1),
        Column("PROMPT", grown("prompt", tokens), spare=2),
        Column("A TURN", grown("nanos", usd)),
        Column("COST", [usd(row["cost_nanos"] + row["notional_nanos"]) for row in told]),
        Column("", [_percent(row.get("list_share")) for row in told], gap=1),
        Column("", [""] * len(told), right=False, spare=3, shares=shares, gap=1),
    ]


def _together(rows: list[_Row]) -> _Row:
    """Rows as one."""
    usage = Usage()
    for row in rows:
        usage += Usage(**row["usage"])
    names = ("calls", "cost_nanos", "notional_nanos", "saved_nanos", "notional_saved_nanos", "unpriced")
    shares = ("token_share", "spend_share", "list_share")
    exact = all(row["confidence"] == Confidence.EXACT for row in rows)
    return {
        **{name: sum(row[name] for row in rows) for name in (*names, *shares)},
        "usage": {name: getattr(usage, name) for name in usage.__struct_fields__},
        "confidence": Confidence.EXACT if exact else Confidence.ESTIMATED,
        "hit_rate": usage.cache_read / usage.prompt if usage.prompt else None,
    }


def _percent(share: float | None) -> str:
    """Nothing for a total, whose share is no news."""
    if share is None:
        return ""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _dollars(sums: _Row, which: str) -> str:
    return usd(sums[which], about=sums["confidence"] != Confidence.EXACT or sums["unpriced"] > 0)


def _commit(row: _Row) -> str:
    """A commit as `git log --oneline` shows it."""
    return f"{row['commit'][:8]} {printable(row['subject'])}" if row["commit"] else "(not committed)"


def names_of(key: str, labels: Iterable[str | None]) -> dict[str | None, str]:
    """What to call each label: repositories by their folder, with its parent where two are called the same."""
    if key in ("hour", "block"):
        return {label: _when(label, key) for label in labels}
    if key == "commit":
        return {label: (label or _NONE)[:8] for label in labels}
    if key not in _PATHS:
        return {label: printable(label or _NONE) for label in labels}
    paths = {label: printable(label or _NONE).rsplit("/", 2) for label in set(labels)}
    same = Counter(parts[-1] for parts in paths.values())
    return {label: "/".join(parts[-2:] if same[parts[-1]] > 1 else parts[-1:]) for label, parts in paths.items()}


def _when(label: str | None, key: str) -> str:
    """An hour by its beginning; a block by both its ends."""
    if label is None:
        return _NONE
    begin = label[:16].replace("T", " ")
    return begin if key == "hour" else f"{begin}-{_end(label)}"


def _end(label: str) -> str:
    at = datetime.fromisoformat(label)
    return f"{datetime.fromtimestamp(at.timestamp() + 5 * 3_600, at.tzinfo):%H:%M}"
