"""What the ledger has found, by column: of thousands of rows it takes half the time that it takes row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from msgspec import json

from tokenguard.ledger.rows import Row, fetch

Column = Sequence[Any]


class Found:
    """Columns of the same length, each of which has a name."""

    def __init__(self, names: Sequence[str], columns: Sequence[Column]) -> None:
        self.names = tuple(names)
        self.columns = list(columns)

    @classmethod
    def of_rows(cls, names: Sequence[str], rows: Sequence[Row]) -> Found:
        """Rows, each of which has a value for each of the names."""
        return cls(names, list(zip(*rows, strict=True)) or [()] * len(names))

    def __len__(self) -> int:
        return len(self.columns[0])

    def column(self, name: str) -> Column:
        """One column; what was not asked for is nothing."""
        return self.columns[self.names.index(name)] if name in self.names else [0] * len(self)

    def rows(self) -> Iterator[Row]:
        """Row by row."""
        return zip(*self.columns, strict=True)

    def at(self, places: Sequence[int]) -> Found:
        """The rows at these places."""
        return Found(self.names, picked(self.columns, places))

    def within(self, span: slice) -> Found:
        """The rows within a span of places."""
        return Found(self.names, [column[span] for column in self.columns])

    def plus(self, other: Found) -> Found:
        """These rows and those of another with the same names."""
        if not len(self) or not len(other):
            return self if len(self) else other
        return Found(self.names, [[*ours, *theirs] for ours, theirs in zip(self.columns, other.columns, strict=True)])


def picked(columns: Iterable[Column], places: Sequence[int]) -> list[Column]:
    """What stands at these places in each column."""
    if len(places) < 2:
        # An `itemgetter` of one place gives no tuple, and of none there is none.
        return [[column[place] for place in places] for column in columns]
    return list(map(itemgetter(*places), columns))


def fetch_columns(
    conn: sqlite3.Connection, table: str, names: Sequence[str], asked: str, values: Sequence[object]
) -> Found:
    """What is `asked`, a question with columns of these names, after the tables that it begins with.

    Raises `LedgerError`. As JSON, SQLite hands over numbers in a fraction of the time that it takes one by one.
    """
    arrays = ", ".join(f'json_group_array("{name}")' for name in names)
    (columns,) = fetch(conn, f"{table} SELECT {arrays} FROM ({asked})", values)
    return Found(names, [json.decode(column) for column in columns])
