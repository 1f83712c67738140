"""What was done to budgets, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from textual.content import Content

from tokenguard.policy.naming import short_model
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column("AUDIT"),
    Column(""),
    Column("", bends=True),
    Column("", right=True),
    Column("", bends=True, rank=3),
    Column("", bends=True, rank=2),
    Column("", rank=4),
)
_DONE = {
    "raise": "raised",
    "approve": "allowed",
    "deny": "denied",
    "expire": "not answered",
    "release": "landing",
    "override": "overridden",
}

_Entry = Mapping[str, Any]


class Trail(Rows):
    """One line each, the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self._told: tuple[object, ...] = ()

    def tell(self, told: Mapping[str, Any], now: datetime) -> None:
        """What the daemon has told of budgets. Times are told anew each second."""
        shown = id(told), self.size.width, now.replace(microsecond=0)
        if shown != self._told:
            self._told = shown
            self.put(lines(told["trail"], now, self.size.width - 2))


def lines(trail: Sequence[_Entry], now: datetime, width: int) -> list[Row]:
    """The trail in `width` cells."""
    if not trail:
        return [("none", Content.styled("nothing was raised, allowed or denied yet", "$text-muted"))]
    titles, drawn = laid_out(_COLUMNS, [_row(one, now) for one in trail], width)
    # What was done stays done: from the oldest on, each keeps its number.
    idents = [f"a:{number}" for number in range(len(trail), 0, -1)]
    return [(TITLES, titles), *zip(idents, drawn, strict=True)]


def _row(one: _Entry, now: datetime) -> list[Cell]:
    amount = f"+{words.amount(one['amount'], one['unit'])}" if one["amount"] is not None else ""
    ends = datetime.fromisoformat(one["expires_at"]) if one["expires_at"] else None
    call = f"{one['agent']} {short_model(one['model'])}" if one["agent"] and one["model"] else ""
    return [
        Cell(words.ago(now, datetime.fromisoformat(one["at"])), "$text-muted"),
        Cell(_DONE.get(one["kind"]) or str(one["kind"]), "" if one["kind"] != "deny" else "$level-warn"),
        Cell(words.clean(one["budget"] or call)),
        Cell(amount),
        Cell(f"by {words.clean(one['who'])}", "$text-muted"),
        Cell(words.clean(one["reason"])),
        Cell(f"{words.until(now, ends)} left" if ends and ends > now else "", "$text-muted"),
    ]
