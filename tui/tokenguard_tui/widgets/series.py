"""What a chart is made of: one line a part, with the colour that it has there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

from tokenguard_tui import measures
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.palette import MUTED, kind_of
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_TITLES = {"model": "MODEL", "agent": "AGENT", "repo": "REPOSITORY"}


class Series(Rows):
    """The parts, the largest first. One that is chosen is shown alone, until it is chosen again."""

    BINDINGS = [Binding("enter", "select", "only", tooltip="the selected part alone, or all of them again")]

    class Chosen(Message):
        """Somebody wants to see one part alone."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def put_told(self, told: Mapping[str, Any] | None, only: str | None, signs: bool) -> None:
        """What `GET /v1/history` has told."""
        if told is not None:
            self.put(lines(told, only, self.size.width - 2, signs))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One has to be selected before it can be shown alone."""
        return (self.selected or "").startswith("=") if action == "select" else True

    def on_option_list_option_highlighted(self) -> None:
        """It can be shown alone now."""
        self.refresh_bindings()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        if event.option_id is not None and event.option_id.startswith("="):
            self.post_message(self.Chosen(event.option_id[1:]))


def lines(told: Mapping[str, Any], only: str | None, width: int, signs: bool) -> list[Row]:
    """The parts in `width` cells."""
    series: Sequence[Mapping[str, Any]] = told["series"]
    if not series:
        return [("none", Content.styled("nothing in this time", MUTED))]
    columns = (
        Column(""),
        Column(_TITLES.get(told["by"], "NAME"), bends=True),
        Column("CALLS", right=True, rank=2),
        Column("", right=True, rank=1),
        Column(measures.TITLES[told["measure"]], right=True),
    )
    names = measures.named(told)
    rows = [
        [
            Cell(kind_of(place).sign if signs else "■", kind_of(place).style),
            Cell(names[one["name"] or ""], _style(one["name"], only)),
            Cell(f"{one['calls']:,}", MUTED),
            Cell(f"{one['total'] / told['total']:.0%}" if told["total"] else "", MUTED),
            Cell(measures.measured(one["total"], told["measure"], one), _style(one["name"], only)),
        ]
        for place, one in enumerate(series)
    ]
    titles, drawn = laid_out(columns, rows, width)
    return [(TITLES, titles), *((f"={one['name'] or ''}", line) for one, line in zip(series, drawn, strict=True))]


def _style(name: str | None, only: str | None) -> str:
    return "" if only is None else "bold" if (name or "") == only else MUTED
