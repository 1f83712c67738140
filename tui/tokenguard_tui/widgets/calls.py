"""The calls, as they come and while they run."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from tokenguard.policy import money
from tokenguard.policy.naming import short_model
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.state import CallRow, State
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column("NOW"),
    Column("", bends=True),
    Column("", bends=True),
    Column("", right=True, rank=3),
    Column("", right=True, rank=2),
    Column("", right=True),
    Column("", right=True),
    Column("", bends=True, rank=4),
)
_BYTES_PER_TOKEN = 4
"""Of an answer of which only the length is known yet, as the daemon's own estimates have it."""


class Calls(Rows):
    """One line a call, the newest first."""

    def show(self, state: State, now: datetime) -> None:
        """See `Panel.show`."""
        self.put(lines(state, now, self.size.width - 2, max(3, self.size.height)))


def lines(state: State, now: datetime, width: int, most: int) -> list[Row]:
    """At most so many calls, in `width` cells."""
    if not state.calls:
        return [("none", Content.styled("no call yet", "$text-muted"))]
    rows = list(state.calls)[-most:][::-1]
    titles, drawn = laid_out(_COLUMNS, [_row(row, now) for row in rows], width)
    return [(TITLES, titles), *((str(row.id), line) for row, line in zip(rows, drawn, strict=True))]


def _row(row: CallRow, now: datetime) -> list[Cell]:
    usage, running = row.usage, row.outcome == "running"
    fresh = usage.get("input", 0) + usage.get("cache_write_5m", 0) + usage.get("cache_write_1h", 0)
    out = max(usage.get("output", 0), row.output_bytes // _BYTES_PER_TOKEN if running else 0)
    dots = "…" if running else ""
    if row.outcome == "refused":
        cost = Cell("refused", "$level-hard")
    elif row.cost_nanos is None:
        cost = Cell("…" if running else "unknown", "$text-muted")
    else:
        cost = Cell(money.usd(row.cost_nanos, about=row.confidence != "exact"), "$text-muted" if row.notional else "")
    at = datetime.fromtimestamp(row.at_us / 1_000_000, now.tzinfo)
    return [
        Cell(f"{at:%H:%M:%S}", "$text-muted"),
        Cell(words.clean(row.agent)),
        Cell(short_model(row.model)),
        Cell(f"in {money.tokens(fresh)}" if fresh else ""),
        Cell(f"cached {money.tokens(usage.get('cache_read', 0))}" if usage.get("cache_read") else ""),
        Cell(f"out {money.tokens(out)}{dots}" if out else ""),
        cost,
        Cell("" if row.request_class == "main" else row.request_class, "$text-muted"),
    ]
