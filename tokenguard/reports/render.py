"""Reports for people: a table without lines that fits its width, and what stands out in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from tokenguard.policy.money import NANOS, tokens, usd
from tokenguard.policy.naming import printable
from tokenguard.records import Confidence, Usage
from tokenguard.reports.columns import each, minus
from tokenguard.reports.keys import CUTTING, UNMARKED
from tokenguard.reports.layout import Column, Style, fit, lines
from tokenguard.reports.remarks import remarks
from tokenguard.reports.rows import Rows

_NONE = "-"
_CENT, _MILL = NANOS // 100, NANOS // 1000
_STEP, _STEP_OF_MILLIONS = 10, 10_000
"""Of numbers of tokens from a thousand on, and from a million on."""
_PATHS = ("repo", "worktree")
_MARK = "◀"
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
        names = _commits(rows) if by == ["commit"] else names_of(key, set(labels))
        above = [None, *labels]
        said = [known and label == last for known, label, last in zip(said, labels, above, strict=False)]
        cells = ["" if known else names[label] for known, label in zip(said, labels, strict=True)]
        first = not columns
        cells += [f"{len(left):,} more" if first else ""] * bool(left) + ["total" if first else ""]
        columns.append(Column(key.replace("-", " ").upper(), cells, right=False, name=key not in CUTTING))
    return columns


def _numbers(rows: Rows, left: Rows, whole: _Row, last: str) -> list[Column]:
    """Tokens and dollars with their shares side by side, and what caches did."""
    ends = [*([_together(left)] if left else []), whole]

    def of(name: str) -> list[Any]:
        return [*rows.columns[name], *(end.get(name) for end in ends)]

    token_shares, dollar_shares = of("token_share"), of("spend_share" if whole["cost_nanos"] else "list_share")
    about = [
        trust != Confidence.EXACT or unpriced > 0
        for trust, unpriced in zip(of("confidence"), of("unpriced"), strict=True)
    ]
    notional = of("notional_nanos")
    saved = [*rows.saved(), *(end["saved_nanos"] + end["notional_saved_nanos"] for end in ends)]
    marked = len(rows) > 1 and last not in UNMARKED
    marks = [_MARK if dear and marked else "" for dear in of("stands_out")]
    styles = ["warn" if mark else "" for mark in marks] if any(marks) else None
    return [
        Column("CALLS", [], spare=1, late=lambda: each(_counted, of("calls"))),
        *(Column(head, [], spare=5, late=partial(_kind, head, rows, ends)) for head in _KINDS),
        Column("TOKENS", _tokens([*rows.tokens, *(Usage(**end["usage"]).total for end in ends)])),
        Column("", each(_percent, token_shares), gap=1),
        Column("", [], right=False, spare=4, shares=[share or 0.0 for share in token_shares], gap=1),
        Column("COST", _dollars(of("cost_nanos"), about)),
        Column("", each(_percent, dollar_shares), gap=1, styles=styles),
        Column("", [], right=False, spare=4, shares=[share or 0.0 for share in dollar_shares], gap=1, styles=styles),
        *([Column("", marks, gap=1, styles=styles)] if styles else []),
        *([Column("NOTIONAL", _some(_dollars(notional, about), notional))] if any(notional) else []),
        Column("HIT", [], spare=2, late=lambda: each(_percent, of("hit_rate"))),
        *([Column("SAVED", [], spare=3, late=lambda: _some(_dollars(saved), saved))] if any(saved) else []),
    ]


def _kind(kind: str, rows: Rows, ends: Sequence[_Row]) -> list[str]:
    """Tokens of a kind."""
    if kind == "IN":
        sent = minus(rows.prompts, rows.usage["cache_read"])
        totals = (Usage(**end["usage"]) for end in ends)
        return _tokens([*sent, *(usage.prompt - usage.cache_read for usage in totals)])
    bucket = "cache_read" if kind == "CACHED" else "output"
    return _tokens([*rows.usage[bucket], *(end["usage"][bucket] for end in ends)])


def _lengths(rows: Rows, left: Rows) -> list[Column]:
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


def _percent(share: float | None) -> str:
    """Nothing for a total, whose share is no news."""
    if share is None:
        return ""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _counted(number: int) -> str:
    return f"{number:,}"


def _tokens(numbers: Sequence[int]) -> list[str]:
    # Thousands of numbers come to the same few with three digits. These change at multiples of a step only, so that all
    # numbers between two of these multiples are told like the first one.
    told = [
        number - rest + 1
        if number >= 1_000 and (rest := number % (_STEP if number < 1_000_000 else _STEP_OF_MILLIONS))
        else number
        for number in numbers
    ]
    return each(tokens, told)


def _dollars(nanos: Sequence[int], about: Sequence[bool] = ()) -> list[str]:
    # Thousands of amounts come to the same few cents, or tenths of one below a dollar.
    shown = [
        (one + _CENT // 2) // _CENT * _CENT
        if one >= NANOS
        else (one + _MILL // 2) // _MILL * _MILL
        if _MILL < one < NANOS - _MILL
        else one
        for one in nanos
    ]
    exact = each(usd, shown)
    if not any(about):
        return exact
    return [usd(one, about=True) if rough else cell for one, rough, cell in zip(shown, about, exact, strict=True)]


def _some(cells: list[str], numbers: Sequence[int]) -> list[str]:
    """Nothing where there is nothing."""
    return [cell if number else "" for cell, number in zip(cells, numbers, strict=True)]


def _commits(rows: Rows) -> dict[str | None, str]:
    """Commits as `git log --oneline` shows them."""
    subjects = zip(rows.labels["commit"], rows.labels["subject"], strict=True)
    return {hash: f"{hash[:8]} {printable(subject)}" if hash else "(not committed)" for hash, subject in subjects}


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
