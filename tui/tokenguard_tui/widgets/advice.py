"""What would have cost less: the habits of a time, the one that would save most first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textual.content import Content

from tokenguard.policy import money
from tokenguard.policy.naming import short_model
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.palette import MUTED
from tokenguard_tui.widgets.rows import Row, Rows

_COLUMNS = (
    Column("", bends=True),
    Column("", bends=True),
    Column("", bends=True, rank=3),
    Column("", right=True, rank=2),
    Column("", right=True, rank=1),
    Column("", right=True),
)
_PARTS = 4
_INDENT = "    "


class AdviceList(Rows):
    """A paragraph for each habit: what it costs, where, and what would change it."""

    DEFAULT_CSS = """
    AdviceList > .option-list--option { padding: 0 1 1 1; }
    """

    def put_told(self, told: Mapping[str, Any] | None) -> None:
        """Show what the daemon answered; None while nothing is known."""
        self.put([] if told is None else lines(told, self.size.width - 2))


def lines(told: Mapping[str, Any], width: int) -> list[Row]:
    """In `width` cells."""
    if not told["calls"]:
        return [("none", Content.styled("no calls yet: tokenguard run claude", MUTED))]
    if not told["advice"]:
        text = "Nothing to change: no habit that can be measured cost more than it had to."
        return [("none", Content.styled(text, MUTED))]
    return [(one["name"], Content("\n").join(_paragraph(one, width))) for one in told["advice"]]


def _paragraph(one: Mapping[str, Any], width: int) -> Iterator[Content]:
    billed, notional = one["saving_nanos"], one["notional_saving_nanos"]
    saving = money.usd(billed, about=True) if billed else ""
    covered = f"({money.usd(notional, about=True)} notional)" if notional else ""
    yield Content.assemble((f"{saving} {covered}".strip(), "bold $accent"), "  ", (one["title"], "bold"))
    yield Content(words.clean(one["finding"]))
    parts = [_part(part) for part in one["parts"][:_PARTS]]
    for line in laid_out(_COLUMNS, parts, width - len(_INDENT))[1]:
        yield Content(_INDENT) + line
    for change in one["changes"]:
        yield Content.assemble(("→ ", "$accent"), words.clean(change["what"]))
        for line in change["how"].splitlines():
            yield Content.styled(_INDENT + words.clean(line), "$accent")


def _part(part: Mapping[str, Any]) -> list[Cell]:
    instead = part.get("instead")
    detail = f"→ {short_model(instead)}" if instead else words.clean(part["detail"])
    saving = money.usd(part["saving_nanos"], about=True)
    calls = "1 call" if part["calls"] == 1 else f"{part['calls']:,} calls"
    numbers = [calls, money.usd(part["cost_nanos"]), f"({saving})" if part["notional"] else saving]
    return [Cell(text, MUTED) for text in (words.clean(part["agent"]), short_model(part["model"]), detail, *numbers)]
