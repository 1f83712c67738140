"""The sessions that run now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, short_model
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.state import State
from tokenguard_tui.widgets.rows import Row, Rows

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


class Sessions(Rows):
    """One line a session, in the order in which they began."""

    class Opened(Message):
        """Somebody wants to see more of a session."""

        def __init__(self, session: str) -> None:
            super().__init__()
            self.session = session

    def show(self, state: State, now: datetime) -> None:
        """See `Panel.show`."""
        self.put(lines(state, now, self.size.width - 2))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        if event.option_id not in (None, "none"):
            self.post_message(self.Opened(str(event.option_id)))


def lines(state: State, now: datetime, width: int) -> list[Row]:
    """Sessions in `width` cells, in the order in which they began."""
    sessions = sorted(state.sessions, key=lambda one: (one["started_at"], one["id"]))
    if not sessions:
        return [("none", Content.styled("nothing runs: tokenguard run claude", "$text-muted"))]
    models = {row.session: row.model for row in state.calls}
    _, drawn = laid_out(_COLUMNS, [_row(one, models.get(one["id"]), now) for one in sessions], width)
    return [(one["id"], line) for one, line in zip(sessions, drawn, strict=True)]


def _row(one: Mapping[str, Any], model: str | None, now: datetime) -> list[Cell]:
    usage = one["usage"]
    last = datetime.fromisoformat(one["last_call_at"]) if one["last_call_at"] else None
    idle = (
        one["state"] == "running" and not one["in_flight"] and (last is None or (now - last).total_seconds() > _IDLE_S)
    )
    state = "idle" if idle else one["state"]
    written = usage.get("cache_write_5m", 0) + usage.get("cache_write_1h", 0)
    return [
        Cell(_MARKS.get(state, "●"), {"waiting": "$level-warn", "idle": "$text-muted"}.get(state, "$accent")),
        Cell(words.clean(one["task"] or one["agent"])),
        Cell(words.clean(folder_name(one["repo"]))),
        Cell(words.clean(one["branch"])),
        Cell(short_model(model) if model else ""),
        Cell(str(one["calls"])),
        Cell(money.tokens(usage.get("input", 0) + written)),
        Cell(money.tokens(usage.get("cache_read", 0))),
        Cell(money.tokens(usage.get("output", 0))),
        Cell(words.usd(one)),
        Cell(words.ago(now, last) if last else "", "$text-muted"),
    ]
