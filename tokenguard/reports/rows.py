"""The numbers of reports as JSON, by column: of thousands of rows, columns are made in a fraction of the time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from msgspec import Struct, defstruct

from tokenguard.ledger.charges import numbers_of
from tokenguard.ledger.rows import Row
from tokenguard.ledger.sums import BUCKETS, TOTALLED
from tokenguard.records import Confidence, Totals, Usage
from tokenguard.reports.keys import TOLD

_LEAST_SHARE, _LEAST_TIMES = 0.1, 1.5
"""From which share of the dollars on, and how many times the share of the tokens, a row stands out."""

Columns = Mapping[str, Sequence[Any]]
_Shown = TypeVar("_Shown")


class Rows:
    """The rows of a report: each is the object that JSON has."""

    def __init__(self, columns: Columns, usage: Mapping[str, Sequence[int]]) -> None:
        self.columns = columns
        """By name, in the order of JSON; `usage` stands behind `calls`."""
        self.usage = usage
        """By bucket."""

    def __len__(self) -> int:
        return len(self.columns["calls"])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, at: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, column in self.columns.items():
            row[name] = column[at]
            if name == "calls":
                row["usage"] = {bucket: tokens[at] for bucket, tokens in self.usage.items()}
        return row

    def at(self, places: Sequence[int]) -> Rows:
        """The rows at these places."""
        return Rows(_at(self.columns, places), _at(self.usage, places))

    def listed(self) -> list[int]:
        """At list price, billed or not."""
        return plus(self.columns["cost_nanos"], self.columns["notional_nanos"])

    def saved(self) -> list[int]:
        """What caches took off the list price."""
        return plus(self.columns["saved_nanos"], self.columns["notional_saved_nanos"])

    def structs(self) -> list[Struct]:
        """The rows as msgspec encodes them fastest."""
        columns: dict[str, Sequence[Any]] = {}
        for name, column in self.columns.items():
            columns[name] = column
            if name == "calls":
                columns["usage"] = list(map(Usage, *self.usage.values()))
        # Not every key is a name that a field can have.
        fields = {f"f{at}": name for at, name in enumerate(columns)}
        row = defstruct("Row", list(fields), rename=fields, gc=False)
        return list(map(row, *columns.values()))


def numbers_in(whole: Totals) -> list[str]:
    """Those of `TOTALLED` that have to be asked for row by row: what is nothing in all is nothing in each of them."""
    every = dict(zip(TOTALLED, numbers_of(whole), strict=True))
    if whole.confidence is Confidence.BOUND:
        every["estimated"] = True
    # What caches saved can be less than nothing.
    return [name for name, number in every.items() if number or name in ("calls", "saved", "notional_saved")]


def by_column(numbers: Sequence[str], rows: Sequence[Row]) -> dict[str, Sequence[int]]:
    """Rows of these numbers by column, with those that are nothing in all of them."""
    known = dict(zip(numbers, zip(*rows, strict=True), strict=True)) if rows else {}
    nothing = [0] * len(rows)
    return {name: known.get(name, nothing) for name in TOTALLED}


def number_of(name: str, numbers: Sequence[str], rows: Sequence[Row]) -> Sequence[int]:
    """One of these columns."""
    if name not in numbers:
        return [0] * len(rows)
    return list(map(itemgetter(numbers.index(name)), rows))


def rows_of(labels: Columns, numbers: Mapping[str, Sequence[int]], whole: Totals) -> Rows:
    """Rows with these labels and numbers, which are those of `TOTALLED`, and their shares of the whole."""
    sums, usage = _sums(numbers)
    return Rows({**labels, **sums, **_shares(sums, counts(usage), whole)}, usage)


def told(key: str, rows: Iterable[Mapping[str, Any]]) -> Columns:
    """What rows by this key tell besides, by column."""
    every = list(rows)
    return {name: [row[name] for row in every] for name in TOLD[key]}


def each(shown: Callable[[Any], _Shown], column: Sequence[Any]) -> list[_Shown]:
    """Every value of a column as it is shown: once for all that are the same."""
    known = {value: shown(value) for value in set(column)}
    return [known[value] for value in column]


def sums(totals: Totals) -> dict[str, Any]:
    """The numbers of a total."""
    return Rows(*_sums(by_column(TOTALLED, [numbers_of(totals)])))[0]


def _sums(of: Mapping[str, Sequence[int]]) -> tuple[dict[str, Sequence[Any]], dict[str, Sequence[int]]]:
    usage = {bucket: of[bucket] for bucket in BUCKETS}
    cost = of["cost_nanos"]
    return {
        "calls": of["calls"],
        "cost_nanos": cost,
        "cost_low_nanos": _minus(cost, of["below"]),
        "cost_high_nanos": plus(cost, of["above"]),
        "notional_nanos": of["notional_nanos"],
        "confidence": _confidences(of["estimated"], of["bound"]),
        "unpriced": of["unpriced"],
        "hit_rate": _hit_rates(usage["cache_read"], prompts(usage)),
        "saved_nanos": of["saved"],
        "notional_saved_nanos": of["notional_saved"],
    }, usage


def _shares(sums: Columns, counted: Sequence[int], whole: Totals) -> dict[str, Sequence[Any]]:
    """What share of the tokens and dollars each row has; of what is billed, and of all at list price.

    What costs much more than its tokens would make one think `stands_out`.
    """
    of_tokens = _shares_of(counted, whole.usage.total)
    billed = _shares_of(sums["cost_nanos"], whole.cost_nanos)
    listed = billed
    if any(sums["notional_nanos"]):
        at_list = plus(sums["cost_nanos"], sums["notional_nanos"])
        listed = _shares_of(at_list, whole.cost_nanos + whole.notional_nanos)
    return {
        "token_share": of_tokens,
        "spend_share": billed,
        "list_share": listed,
        "stands_out": [
            dollars >= _LEAST_SHARE and dollars >= _LEAST_TIMES * tokens
            for dollars, tokens in zip(listed, of_tokens, strict=True)
        ],
    }


def share(part: int, whole: int) -> float:
    """To six digits; 0 of nothing."""
    return round(part / whole, 6) if whole else 0.0


def prompts(usage: Mapping[str, Sequence[int]]) -> list[int]:
    """`Usage.prompt` of each row."""
    sent = (usage[name] for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h"))
    return [new + read + short + long for new, read, short, long in zip(*sent, strict=True)]


def counts(usage: Mapping[str, Sequence[int]]) -> list[int]:
    """`Usage.total` of each row."""
    return plus(prompts(usage), usage["output"])


# Rounding to whole numbers takes a third of the time of `round(ratio, 6)`, and comes to the same unless the ratio is
# next to the middle of two such numbers; within the loops, because a call for each would take that time again.
_MIDDLE = 0.4999999


def _shares_of(parts: Sequence[int], whole: int) -> list[float]:
    """`share` of each."""
    if not whole:
        return [0.0] * len(parts)
    return [
        n / 1e6 if -_MIDDLE < (scaled := part / whole * 1e6) - (n := round(scaled)) < _MIDDLE else share(part, whole)
        for part in parts
    ]


def _hit_rates(cached: Sequence[int], sent: Sequence[int]) -> list[float | None]:
    """How much of what was sent a cache had; None where nothing was sent."""
    return [
        (n / 1e6 if -_MIDDLE < (scaled := part / whole * 1e6) - (n := round(scaled)) < _MIDDLE else share(part, whole))
        if whole
        else None
        for part, whole in zip(cached, sent, strict=True)
    ]


def _confidences(estimated: Sequence[int], bound: Sequence[int]) -> list[str]:
    if not any(estimated) and not any(bound):
        return [Confidence.EXACT.value] * len(bound)
    return [
        Confidence.BOUND.value if worst else Confidence.ESTIMATED.value if some else Confidence.EXACT.value
        for some, worst in zip(estimated, bound, strict=True)
    ]


def plus(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """The sums of two columns."""
    return [a + b for a, b in zip(one, other, strict=True)]


def _minus(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [a - b for a, b in zip(one, other, strict=True)]


def _at(columns: Mapping[str, Sequence[Any]], places: Sequence[int]) -> dict[str, Sequence[Any]]:
    return {name: [column[at] for at in places] for name, column in columns.items()}
