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
from tokenguard.reports.columns import minus
from tokenguard.reports.keys import CUTTING, UNMARKED
from tokenguard.reports.layout import Cells, Column, Style, fit, lines, plain, told
from tokenguard.reports.remarks import remarks
from tokenguard.reports.rows import Rows

_NONE = "-"
_CENT, _MILL = NANOS // 100, NANOS // 1000
_STEP, _STEP_OF_MILLIONS = 10, 10_000
"""Of numbers of tokens from a thousand on, and from a million on."""
_PATHS = ("repo", "worktree")
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
        names = _commits(rows) if by == ["commit"] else names_of(key, set(labels))
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

    def of(name: str) -> list[Any]:
        return [*rows.columns[name], *(end.get(name) for end in ends)]

    def bars(shares: list[float | None]) -> list[float]:
        return [share or 0.0 for share in shares]

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
    dear = [Column("", plain(marks), gap=1, styles=styles)] if styles else []
    return [
        Column("CALLS", spare=1, late=lambda: told(_counted, of("calls"))),
        *(Column(head, spare=5, late=partial(_kind, head, rows, ends)) for head in _KINDS),
        Column("TOKENS", _tokens([*rows.tokens, *(Usage(**end["usage"]).total for end in ends)])),
        Column("", told(_percent, token_shares), gap=1),
        Column("", right=False, spare=4, shares=lambda: bars(token_shares), gap=1),
        Column("COST", _dollars(of("cost_nanos"), about)),
        Column("", told(_percent, dollar_shares), gap=1, styles=styles),
        Column("", right=False, spare=4, shares=lambda: bars(dollar_shares), gap=1, styles=styles),
        *dear,
        *([Column("NOTIONAL", _some(notional, about))] if any(notional) else []),
        Column("HIT", spare=2, late=lambda: told(_percent, of("hit_rate"))),
        *([Column("SAVED", spare=3, late=lambda: _some(saved))] if any(saved) else []),
    ]


def _kind(kind: str, rows: Rows, ends: Sequence[_Row]) -> Cells:
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
        Column("", cells(lambda row: _percent(row.get("list_share"))), gap=1),
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


def _percent(share: float | None) -> str:
    """Nothing for a total, whose share is no news."""
    if share is None:
        return ""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _counted(number: int) -> str:
    return f"{number:,}"


def _tokens(numbers: Sequence[int]) -> Cells:
    # Thousands of numbers come to the same few with three digits. These change at multiples of a step only, so that all
    # numbers between two of these multiples are told like the first one.
    stepped = [
        number - rest + 1
        if number >= 1_000 and (rest := number % (_STEP if number < 1_000_000 else _STEP_OF_MILLIONS))
        else number
        for number in numbers
    ]
    return told(tokens, stepped)


def _dollars(nanos: Sequence[int], about: Sequence[bool] = ()) -> Cells:
    # Thousands of amounts come to the same few cents, or tenths of one below a dollar.
    rounded = [
        (one + _CENT // 2) // _CENT * _CENT
        if one >= NANOS
        else (one + _MILL // 2) // _MILL * _MILL
        if _MILL < one < NANOS - _MILL
        else one
        for one in nanos
    ]
    if not any(about):
        return told(usd, rounded)
    return told(lambda one: usd(one[0], about=one[1]), list(zip(rounded, about, strict=True)))


def _some(nanos: Sequence[int], about: Sequence[bool] = ()) -> Cells:
    """Nothing where there is nothing."""
    cells = _dollars(nanos, about)
    none = {value for value, one in zip(cells.values, nanos, strict=True) if not one}
    return Cells(cells.values, {**cells.texts, **dict.fromkeys(none, "")})


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
