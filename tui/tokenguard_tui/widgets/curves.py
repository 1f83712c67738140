"""How a session has gone on, turn by turn: what each cost, how the context grew, how much of it came from a cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content
from textual.widgets import Static

from tokenguard.policy import money
from tokenguard.records import Usage
from tokenguard_tui import words

_LABEL = 9
_MOST = 60

_Turn = Mapping[str, Any]


class Curves(Static):
    """Three lines whose columns are the same turns: the last ones of the conversation."""

    DEFAULT_CSS = """
    Curves { height: 3; padding: 0 1; margin: 0 0 1 0; &.none { display: none; } }
    """

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self._told: tuple[object, int] | None = None

    def tell(self, told: Mapping[str, Any], plain: bool) -> None:
        """What the daemon has told of a session."""
        turns, width = told["turns"], self.size.width
        if self._told is not None and self._told[0] is turns and self._told[1] == width:
            return
        self._told = turns, width
        drawn = lines(turns, width - 2, plain)
        self.set_class(not drawn, "none")
        self.update(Content("\n").join(drawn))


def lines(turns: Sequence[_Turn], width: int, plain: bool) -> list[Content]:
    """The three lines, in `width` cells: of the last turn, of them all, and turn by turn."""
    ended = [one for one in turns if one["cost_nanos"] is not None and Usage(**one["usage"]).prompt]
    shown = [one for one in ended if one["request_class"] == "main"] or ended
    if not shown:
        return []
    usages = [Usage(**one["usage"]) for one in shown]
    costs, contexts = [one["cost_nanos"] for one in shown], [usage.prompt for usage in usages]
    rates = [100 * usage.cache_read // usage.prompt for usage in usages]
    written = sum(usage.cache_write_5m + usage.cache_write_1h for usage in usages)
    rows = (
        ("COST", costs, money.usd(costs[-1]), f"{money.usd(sum(costs) // len(costs))} on average"),
        ("CONTEXT", contexts, money.tokens(contexts[-1]), f"{money.tokens(max(contexts))} at most"),
        ("CACHED", rates, f"{rates[-1]}%", f"{money.tokens(written)} written"),
    )
    values = max(len(row[2]) for row in rows)
    besides = max(len(row[3]) for row in rows)
    wide = width >= _LABEL + values + besides + 24
    room = min(_MOST, width - _LABEL - values - 2 - (besides + 2 if wide else 0))
    return [
        Content.assemble(
            (f"{label:<{_LABEL}}", "$text-muted"),
            f"{last:>{values}}  ",
            (f"{beside:<{besides}}  " if wide else "", "$text-muted"),
            (words.spark(series[-max(1, room) :], max(1, room), plain=plain), "$accent"),
        )
        for label, series, last, beside in rows
    ]
