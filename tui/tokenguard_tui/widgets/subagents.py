"""The sub-agents of a session, and what each has cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tokenguard.policy import money
from tokenguard.policy.naming import short_model
from tokenguard.records import Usage
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column("SUB-AGENT", bends=True),
    Column("MODEL", bends=True, rank=4),
    Column("CALLS", right=True, rank=1),
    Column("IN", right=True, rank=3),
    Column("CACHED", right=True, rank=2),
    Column("OUT", right=True, rank=3),
    Column("COST", right=True),
)


class SubAgents(Rows):
    """One line each, in the order of their first calls; of class `some` where there is any."""

    def tell(self, told: Mapping[str, Any]) -> None:
        """What the daemon has told of a session."""
        found: Sequence[Mapping[str, Any]] = told.get("sub_agents", ())
        self.set_class(bool(found), "some")
        self.put(lines(found, self.size.width - 2))


def lines(found: Sequence[Mapping[str, Any]], width: int) -> list[Row]:
    """Sub-agents in `width` cells."""
    if not found:
        return []
    titles, drawn = laid_out(_COLUMNS, [_row(one) for one in found], width)
    return [(TITLES, titles), *((f"s:{one['id']}", line) for one, line in zip(found, drawn, strict=True))]


def _row(one: Mapping[str, Any]) -> list[Cell]:
    usage = Usage(**one["usage"])
    about = one["confidence"] != "exact" or bool(one["unpriced"])
    paid = one["cost_nanos"] or not one["notional_nanos"]
    return [
        Cell(words.clean(one["type"] or one["id"], 40)),
        Cell(words.clean(short_model(one["model"])), "$text-muted"),
        Cell(str(one["calls"])),
        Cell(money.tokens(usage.prompt - usage.cache_read)),
        Cell(money.tokens(usage.cache_read)),
        Cell(money.tokens(usage.output)),
        Cell(money.usd(one["cost_nanos" if paid else "notional_nanos"], about=about), "" if paid else "$text-muted"),
    ]
