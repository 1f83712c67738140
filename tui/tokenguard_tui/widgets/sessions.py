"""The sessions that run now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, short_model
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.state import State
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column(""),
    Column("SESSION", bends=True),
    Column("REPO", bends=True),
    Column("BRANCH", bends=True, rank=3),
    Column("MODEL", bends=True, rank=6),
    Column("CALLS", right=True, rank=5),
    Column("IN", right=True, rank=8),
    Column("CACHED", right=True, rank=7),
    Column("OUT", right=True, rank=8),
    Column("COST", right=True),
    Column("LAST", right=True, rank=2),
)
_MARKS = {"running": "●", "waiting": "!", "suspended": "‖", "idle": "◌"}
_IDLE_S = 60
_FAMILY_WIDTH = 60
"""Cells below which sub-agents are left to the screen of their session."""
_SUBAGENTS = 3


ORDERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "oldest first": lambda one: one["started_at"],
    "dearest first": lambda one: -one["cost_nanos"] - one.get("notional_nanos", 0),
    "latest call first": lambda one: -_last(one),
    "by repository": lambda one: (one["repo"] or "", one["branch"] or ""),
}
"""In which order they may stand."""
_FIRST = next(iter(ORDERS))


def _last(one: Mapping[str, Any]) -> float:
    """When it called last, in seconds since the epoch; 0 if it has not."""
    return datetime.fromisoformat(one["last_call_at"]).timestamp() if one["last_call_at"] else 0.0


class Sessions(Rows):
    """One line a session. In the order in which they began they keep their places."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "open", tooltip="the selected session, turn by turn"),
        Binding("o", "order", "order", tooltip="the oldest, the dearest or the latest first, or by repository"),
    ]

    class Opened(Message):
        """Somebody wants to see more of a session."""

        def __init__(self, session: str) -> None:
            super().__init__()
            self.session = session

    class Ordered(Message):
        """They are to stand in another order."""

    def __init__(self) -> None:
        super().__init__()
        self._order = _FIRST

    def show(self, state: State, now: datetime) -> None:
        """See `Panel.show`."""
        self.put(lines(state, now, self.size.width - 2, self._order))

    def action_order(self) -> None:
        """The next one."""
        orders = list(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self.notify(self._order)
        self.post_message(self.Ordered())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One has to be selected before it can be opened."""
        return self.selected not in (None, "none") if action == "select" else True

    def on_option_list_option_highlighted(self) -> None:
        """It can be opened now."""
        self.refresh_bindings()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        if event.option_id not in (None, "none"):
            self.post_message(self.Opened(str(event.option_id).partition("/")[0]))


def lines(state: State, now: datetime, width: int, order: str = _FIRST) -> list[Row]:
    """Sessions in `width` cells, in one of `ORDERS`."""
    sessions = sorted(state.sessions, key=lambda one: (ORDERS[order](one), one["started_at"], one["id"]))
    if not sessions:
        return [("none", Content.styled("nothing runs: tokenguard run claude", "$text-muted"))]
    models = {row.session: row.model for row in state.calls if row.request_class == "main"}
    rows: list[tuple[str, list[Cell]]] = []
    for one in sessions:
        rows.append((one["id"], _row(one, models.get(one["id"]), now)))
        if width >= _FAMILY_WIDTH:
            rows += _family(one, state.plain)
    titles, drawn = laid_out(_COLUMNS, [row for _, row in rows], width)
    return [(TITLES, titles), *((ident, line) for (ident, _), line in zip(rows, drawn, strict=True))]


def _family(one: Mapping[str, Any], plain: bool) -> list[tuple[str, list[Cell]]]:
    """The dearest sub-agents of a session, in the order in which they began."""
    subagents: Sequence[Mapping[str, Any]] = one.get("sub_agents", ())
    dearest = sorted(subagents, key=lambda sub: -sub["cost_nanos"] - sub.get("notional_nanos", 0))[:_SUBAGENTS]
    return [(f"{one['id']}/{sub['id']}", _subagent(sub, plain)) for sub in subagents if sub in dearest]


def _subagent(sub: Mapping[str, Any], plain: bool) -> list[Cell]:
    branch = "`-" if plain else "└"
    texts = [f" {branch} {words.clean(sub['type'] or sub['id'])}", "", "", short_model(sub["model"]), *_sums(sub), ""]
    return [Cell(""), *(Cell(text, "$text-muted") for text in texts)]


def _row(one: Mapping[str, Any], model: str | None, now: datetime) -> list[Cell]:
    last = datetime.fromisoformat(one["last_call_at"]) if one["last_call_at"] else None
    rests = one.get("your_turn") or last is None or (now - last).total_seconds() > _IDLE_S
    idle = one["state"] == "running" and not one["in_flight"] and rests
    state = "idle" if idle else one["state"]
    return [
        Cell(_MARKS.get(state, "●"), {"waiting": "$level-warn", "idle": "$text-muted"}.get(state, "$accent")),
        Cell(words.clean(one["task"] or one["agent"])),
        Cell(words.clean(folder_name(one["repo"]))),
        Cell(words.clean(one["branch"])),
        Cell(short_model(model) if model else ""),
        *map(Cell, _sums(one)),
        Cell(words.ago(now, last) if last else "", "$text-muted"),
    ]


def _sums(one: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """Calls, tokens in, cached and out, and what they cost."""
    usage = one["usage"]
    written = usage.get("cache_write_5m", 0) + usage.get("cache_write_1h", 0)
    read, output = usage.get("cache_read", 0), usage.get("output", 0)
    fresh = money.tokens(usage.get("input", 0) + written)
    return str(one["calls"]), fresh, money.tokens(read), money.tokens(output), words.usd(one)
