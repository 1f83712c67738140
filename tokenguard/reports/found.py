"""What the ledger has found: row by row, as it comes, and by column, as reports need it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from tokenguard.ledger.rows import Row
from tokenguard.ledger.sums import TOTALLED
from tokenguard.reports.columns import Columns


class Found(NamedTuple):
    """Rows, each of which has a value for each of the names."""

    names: Sequence[str]
    rows: Sequence[Row]

    def column(self, name: str) -> Sequence[Any]:
        """One column; what was not asked for is nothing."""
        if name not in self.names:
            return [0] * len(self.rows)
        return list(map(itemgetter(self.names.index(name)), self.rows))

    def columns(self) -> Columns:
        """All columns, and those of `TOTALLED` that were not asked for."""
        columns: dict[str, Sequence[Any]] = dict.fromkeys(TOTALLED, [0] * len(self.rows))
        if self.rows:
            columns.update(zip(self.names, zip(*self.rows, strict=True), strict=True))
        return columns

    def at(self, places: Sequence[int]) -> Found:
        """The rows at these places."""
        return Found(self.names, [self.rows[place] for place in places])

    def within(self, span: slice) -> Found:
        """The rows within a span of places."""
        return Found(self.names, self.rows[span])
