"""Reports for people: a table without lines that fits its width, and what stands out in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tokenguard.policy.money import tokens, usd
from tokenguard.records import Confidence, Usage
from tokenguard.reports.columns import minus
from tokenguard.reports.figures import counted, dollar_cells, percent, percents, some_dollars, token_cells
from tokenguard.reports.keys import CUTTING, UNMARKED
from tokenguard.reports.layout import Cells, Column, Style, fit, lines, plain, told
from tokenguard.reports.naming import commits_of, names_of
from tokenguard.reports.remarks import remarks
from tokenguard.reports.rows import Rows

_MARK = "◀"
_SAID, _LEFT, _TOTAL = object(), object(), object()
"""Cells of a key that are no label: what the row above has said, the rows that are left out, and all of them."""
_KINDS = ("IN", "CACHED", "OUT")
"""Tokens by kind, where there is room."""

_Row = dict[str, Any]


def table(report: _Row, width: int, style: Style, *, most: int = 0) -> list[str]:
    """The report with its total and what has to be known of its numbers; of the rows, the `most` dearest (0: all)."""
    rows: Rows = report["rows"]
    if not rows:
        return [" no calls in this time"]
    shown, left = _dearest(rows, most)
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


def _dearest(rows: Rows, most: int) -> tuple[Rows, Rows]:
    """The rows to show, in their order, and the others."""
    if not most or len(rows) <= most:
        return rows, rows.at(())
    listed = rows.listed()
    places = sorted(range(len(rows)), key=lambda at: -listed[at])
    return rows.at(sorted(places[:most])), rows.at(sorted(places[most:]))


def _named(by: list[str], rows: Rows, left: Rows) -> list[Column]:
    """The columns of the keys, without what the row above has already said."""
    columns: list[Column] = []
    said = [False, *[True] * (len(rows) - 1)]
    for key in by:
        labels = rows.labels[key]
        names = commits_of(labels, rows.labels["subject"]) if by == ["commit"] else names_of(key, set(labels))
        above = [None, *labels]
        said = [known and label == last for known, label, last in zip(said, labels, above, strict=False)]
        values: list[Any] = [_SAID if known else label for known, label in zip(said, labels, strict=True)]
        ends = {**({_LEFT: f"{len(left):,} more"} if left else {}), _TOTAL: "total"}
        texts: dict[Any, str] = {**names, _SAID: "", **(dict.fromkeys(ends, "") if columns else ends)}
        cells = Cells([*values, *ends], texts)
        columns.append(Column(key.replace("-", " ").upper(), cells, right=False, name=key not in CUTTING))
    return columns


def _numbers(rows: Rows, left: Rows, whole: _Row, last: str) -> list[Column]:
    """Tokens and dollars with their shares side by side, and what caches did."""
    ends = [*([_together(left)] if left else []), whole]
    used = Usage(**whole["usage"]).total
    # What is on no bill has a share of what all comes to.
    paid, parts, dollars = "spend_share", rows.columns["cost_nanos"], whole["cost_nanos"]
    if not dollars:
        paid, parts, dollars = "list_share", rows.listed(), whole["notional_nanos"]

    def of(name: str) -> list[Any]:
        return [*rows.columns[name], *(end.get(name) for end in ends)]

    def shares(name: str, parts: Sequence[int], total: int) -> Cells:
        texts = percents(parts, total, lambda: rows.columns[name])
        return plain([*texts, *(percent(end.get(name)) for end in ends)])

    def bars(name: str) -> list[float]:
        return [share or 0.0 for share in of(name)]

    about: list[bool] = []
    if whole["confidence"] != Confidence.EXACT or whole["unpriced"]:
        known = zip(of("confidence"), of("unpriced"), strict=True)
        about = [trust != Confidence.EXACT or unpriced > 0 for trust, unpriced in known]
    notional = of("notional_nanos")
    saved = [*rows.saved(), *(end["saved_nanos"] + end["notional_saved_nanos"] for end in ends)]
    marked = len(rows) > 1 and last not in UNMARKED and any(rows.columns["stands_out"])
    marks = [_MARK if dear else "" for dear in of("stands_out")] if marked else []
    styles = ["warn" if mark else "" for mark in marks] if marked else None
    return [
        Column("CALLS", spare=1, late=lambda: told(counted, of("calls"))),
        *(Column(head, spare=5, late=partial(_kind, head, rows, ends)) for head in _KINDS),
        Column("TOKENS", token_cells([*rows.tokens, *(Usage(**end["usage"]).total for end in ends)])),
        Column("", shares("token_share", rows.tokens, used), gap=1),
        Column("", right=False, spare=4, shares=lambda: bars("token_share"), gap=1),
        Column("COST", dollar_cells(of("cost_nanos"), about)),
        Column("", shares(paid, parts, dollars), gap=1, styles=styles),
        Column("", right=False, spare=4, shares=lambda: bars(paid), gap=1, styles=styles),
        *([Column("", plain(marks), gap=1, styles=styles)] if marked else []),
        *([Column("NOTIONAL", some_dollars(notional, about))] if any(notional) else []),
        Column("HIT", spare=2, late=lambda: told(percent, of("hit_rate"))),
        *([Column("SAVED", spare=3, late=lambda: some_dollars(saved))] if any(saved) else []),
    ]


def _kind(kind: str, rows: Rows, ends: Sequence[_Row]) -> Cells:
    """Tokens of a kind."""
    if kind == "IN":
        sent = minus(rows.prompts, rows.usage["cache_read"])
        totals = (Usage(**end["usage"]) for end in ends)
        return token_cells([*sent, *(usage.prompt - usage.cache_read for usage in totals)])
    bucket = "cache_read" if kind == "CACHED" else "output"
    return token_cells([*rows.usage[bucket], *(end["usage"][bucket] for end in ends)])


def _lengths(rows: Rows, left: Rows) -> list[Column]:
    """Conversations by their turns: what the first fifth of their turns sent and cost, and the last one."""
    every = [*rows, *left]
    names = ("sessions", "turns", "cost_nanos", "notional_nanos")
    total = {name: sum(row[name] for row in every) for name in names}
    shown: list[_Row] = [*rows, *([{name: sum(row[name] for row in left) for name in names}] if left else []), total]

    def cells(cell: Callable[[_Row], str]) -> Cells:
        return plain([cell(row) for row in shown])

    def grown(name: str, amount: Callable[[int], str]) -> Cells:
        grown = [row.get("growth") for row in shown]
        return plain(
            [f"{amount(one[f'first_{name}'])} → {amount(one[f'last_{name}'])}" if one else "" for one in grown]
        )

    return [
        Column("SESSIONS", cells(lambda row: f"{row['sessions']:,}")),
        Column("TURNS", cells(lambda row: f"{row['turns']:,}"), spare=1),
        Column("PROMPT", grown("prompt", tokens), spare=2),
        Column("A TURN", grown("nanos", usd)),
        Column("COST", cells(lambda row: usd(row["cost_nanos"] + row["notional_nanos"]))),
        Column("", cells(lambda row: percent(row.get("list_share"))), gap=1),
        Column("", right=False, spare=3, shares=lambda: [row.get("list_share", 0.0) for row in shown], gap=1),
    ]


def _together(rows: Rows) -> _Row:
    """Rows as one."""
    usage = Usage(**{bucket: sum(counted) for bucket, counted in rows.usage.items()})
    names = ("calls", "cost_nanos", "notional_nanos", "saved_nanos", "notional_saved_nanos", "unpriced")
    shares = ("token_share", "spend_share", "list_share")
    exact = all(trust == Confidence.EXACT for trust in rows.columns["confidence"])
    return {
        **{name: sum(rows.columns[name]) for name in (*names, *shares)},
        "usage": {name: getattr(usage, name) for name in usage.__struct_fields__},
        "confidence": Confidence.EXACT if exact else Confidence.ESTIMATED,
        "hit_rate": usage.cache_read / usage.prompt if usage.prompt else None,
    }
