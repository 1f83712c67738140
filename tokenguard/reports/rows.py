"""The rows of reports, by column: what they are called, the numbers of the ledger, and what is made of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from typing import Any

from msgspec import Struct, defstruct

from tokenguard.ledger.charges import numbers_of
from tokenguard.ledger.found import Found
from tokenguard.ledger.sums import BUCKETS, TOTALLED
from tokenguard.records import Confidence, Totals, Usage
from tokenguard.reports.columns import Columns, Lazy, Making, at, minus, plus, rates, share, shares, within
from tokenguard.reports.keys import TOLD

_LEAST_SHARE, _LEAST_TIMES = 0.1, 1.5
"""From which share of the dollars on, and how many times the share of the tokens, a row stands out."""
_PART = 1000


class Rows:
    """The rows of a report: each is the object that JSON has."""

    def __init__(self, labels: Columns, found: Found, told: Callable[[Rows], Making]) -> None:
        self.labels = labels
        self._found, self._told = found, told

    @cached_property
    def columns(self) -> Columns:
        """The labels and what is `told` of the rows, by name, in the order of JSON; `usage` stands behind `calls`."""
        return Lazy({**{name: partial(self.labels.__getitem__, name) for name in self.labels}, **self._told(self)})

    @cached_property
    def numbers(self) -> Columns:
        """Those of `TOTALLED`."""
        return {name: self._found.column(name) for name in TOTALLED}

    @property
    def usage(self) -> Columns:
        """By bucket."""
        return {bucket: self.numbers[bucket] for bucket in BUCKETS}

    @cached_property
    def prompts(self) -> list[int]:
        """`Usage.prompt` of each."""
        sent = (self.numbers[name] for name in ("input", "cache_read", "cache_write_5m", "cache_write_1h"))
        return [new + read + short + long for new, read, short, long in zip(*sent, strict=True)]

    @cached_property
    def tokens(self) -> Sequence[int]:
        """`Usage.total` of each."""
        return plus(self.prompts, self.numbers["output"])

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, place: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, column in self.columns.items():
            row[name] = column[place]
            if name == "calls":
                row["usage"] = {bucket: tokens[place] for bucket, tokens in self.usage.items()}
        return row

    def at(self, places: Sequence[int]) -> Rows:
        """The rows at these places."""
        return Rows(at(self.labels, places), self._found.at(places), self._told)

    def parts(self) -> Iterator[Rows]:
        """All of them, a thousand at a time.

        Who writes them down needs the memory of one part, again and again, and finds all of it where it is fast.
        """
        for begin in range(0, len(self), _PART):
            span = slice(begin, begin + _PART)
            yield Rows(within(self.labels, span), self._found.within(span), self._told)

    def listed(self) -> Sequence[int]:
        """At list price, billed or not."""
        return plus(self.columns["cost_nanos"], self.columns["notional_nanos"])

    def saved(self) -> Sequence[int]:
        """What caches took off the list price."""
        return plus(self.columns["saved_nanos"], self.columns["notional_saved_nanos"])

    def structs(self) -> list[Struct]:
        """The rows as msgspec encodes them fastest."""
        columns: dict[str, Iterable[Any]] = {}
        for name, column in self.columns.items():
            columns[name] = column
            if name == "calls":
                columns["usage"] = map(Usage, *self.usage.values())
        return list(map(_struct(*columns), *columns.values()))


@lru_cache(maxsize=8)
def _struct(*names: str) -> Callable[..., Struct]:
    """What has these fields."""
    # Not every key is a name that a field can have.
    fields = {f"f{place}": name for place, name in enumerate(names)}
    return defstruct("Row", list(fields), rename=fields, gc=False)


def numbers_in(whole: Totals) -> list[str]:
    """Those of `TOTALLED` that have to be asked for row by row: what is nothing in all is nothing in each of them."""
    every = dict(zip(TOTALLED, numbers_of(whole), strict=True))
    if whole.confidence is Confidence.BOUND:
        every["estimated"] = True
    # What caches saved can be less than nothing.
    return [name for name, number in every.items() if number or name in ("calls", "saved", "notional_saved")]


def rows_of(labels: Columns, found: Found, whole: Totals) -> Rows:
    """Rows with these labels and the numbers that were found, and their shares of the whole."""
    return Rows(labels, found, lambda rows: {**_sums(rows), **_shares(rows, whole)})


def told(key: str, rows: Iterable[Mapping[str, Any]]) -> Columns:
    """What rows by this key tell besides, by column."""
    every = list(rows)
    return {name: [row[name] for row in every] for name in TOLD[key]}


def sums(totals: Totals) -> dict[str, Any]:
    """The numbers of a total."""
    return Rows({}, Found(TOTALLED, [[number] for number in numbers_of(totals)]), _sums)[0]


def _sums(rows: Rows) -> Making:
    of = rows.numbers
    return {
        "calls": lambda: of["calls"],
        "cost_nanos": lambda: of["cost_nanos"],
        "cost_low_nanos": lambda: minus(of["cost_nanos"], of["below"]),
        "cost_high_nanos": lambda: plus(of["cost_nanos"], of["above"]),
        "notional_nanos": lambda: of["notional_nanos"],
        "confidence": lambda: _confidences(of["estimated"], of["bound"]),
        "unpriced": lambda: of["unpriced"],
        "hit_rate": lambda: rates(of["cache_read"], rows.prompts),
        "saved_nanos": lambda: of["saved"],
        "notional_saved_nanos": lambda: of["notional_saved"],
    }


def _shares(rows: Rows, whole: Totals) -> Making:
    """What share of the tokens and dollars each row has; of what is billed, and of all at list price.

    What costs much more than its tokens would make one think `stands_out`.
    """
    of = rows.numbers
    # Not by what is in these rows: they can be a part of those of a report.
    notional = whole.notional_nanos != 0
    list_nanos = whole.cost_nanos + whole.notional_nanos
    return {
        "token_share": lambda: shares(rows.tokens, whole.usage.total),
        "spend_share": lambda: shares(of["cost_nanos"], whole.cost_nanos),
        "list_share": lambda: shares(rows.listed(), list_nanos) if notional else rows.columns["spend_share"],
        "stands_out": lambda: _outstanding(rows) if _any_dear(rows.listed(), list_nanos) else [False] * len(rows),
    }


def _any_dear(listed: Sequence[int], list_nanos: int) -> bool:
    return share(max(listed, default=0), list_nanos) >= _LEAST_SHARE


def _outstanding(rows: Rows) -> list[bool]:
    return [
        dollars >= _LEAST_SHARE and dollars >= _LEAST_TIMES * tokens
        for dollars, tokens in zip(rows.columns["list_share"], rows.columns["token_share"], strict=True)
    ]


def _confidences(estimated: Sequence[int], bound: Sequence[int]) -> list[str]:
    if not any(estimated) and not any(bound):
        return [Confidence.EXACT.value] * len(bound)
    return [
        Confidence.BOUND.value if worst else Confidence.ESTIMATED.value if some else Confidence.EXACT.value
        for some, worst in zip(estimated, bound, strict=True)
    ]
