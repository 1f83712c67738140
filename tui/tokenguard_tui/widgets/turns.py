"""The turns of a session: what each sent, how much of it came from a cache, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from tokenguard.policy import money
from tokenguard.policy.naming import short_model
from tokenguard.records import Usage
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column("TURN"),
    Column("MODEL", bends=True, rank=4),
    Column("CONTEXT", right=True),
    Column("CACHED", right=True, rank=1),
    Column("WRITTEN", right=True, rank=3),
    Column("OUT", right=True, rank=2),
    Column("COST", right=True),
    Column("FOR", bends=True, rank=6),
    Column("", bends=True, rank=5),
)
_FINE = {"ok", "running", "refused"}

_Turn = Mapping[str, Any]

ORDERS: Mapping[str, Callable[[_Turn], Any]] = {
    "newest first": lambda one: (-one["started_us"], -one["id"]),
    "dearest first": lambda one: (-(one["cost_nanos"] or 0), -one["started_us"]),
    "largest context first": lambda one: (-Usage(**one["usage"]).prompt, -one["started_us"]),
}
"""In which order they may stand."""


class Turns(Rows):
    """One line a call, in one of `ORDERS`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "order", "order", tooltip="the newest turns, the dearest or those with the largest context first"),
    ]

    class Ordered(Message):
        """They are to stand in another order."""

    def __init__(self) -> None:
        super().__init__()
        self._told: tuple[object, int] | None = None
        self._order = next(iter(ORDERS))

    def tell(self, told: Mapping[str, Any], now: datetime) -> None:
        """What the daemon has told of a session. What was told before, in the same room, is not laid out again."""
        turns, width = told["turns"], self.size.width
        if self._told is None or self._told[0] is not turns or self._told[1] != width:
            self._told = turns, width
            self.put(lines(sorted(turns, key=ORDERS[self._order]), now, width - 2))

    def action_order(self) -> None:
        """The next one."""
        orders = list(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self._told = None
        self.notify(self._order)
        self.post_message(self.Ordered())


def lines(turns: Sequence[_Turn], now: datetime, width: int) -> list[Row]:
    """Turns in `width` cells, as they come."""
    if not turns:
        return [("none", Content.styled("no call yet", "$text-muted"))]
    titles, drawn = laid_out(_COLUMNS, [_row(one, now) for one in turns], width)
    return [(TITLES, titles), *((f"t:{one['id']}", line) for one, line in zip(turns, drawn, strict=True))]


def remark(turn: _Turn) -> tuple[str, str]:
    """What is to be said of a turn: what was decided of it, if anything was, and what it was."""
    said = [words.clean(turn["reason"])] if turn["reason"] else []
    said += [
        f"{_DECIDED.get(one['kind'], one['kind'])} by {words.clean(one['who'])}"
        + (f": {words.clean(one['reason'])}" if one["reason"] else "")
        for one in turn["decisions"]
    ]
    if (asked := turn["requested"]) and asked != turn["model"]:
        said.append(f"it asked for {words.clean(asked)}")
    about = [turn["model"], turn["provider"], _purpose(turn), turn["outcome"]]
    if turn["ended_us"]:
        about.append(f"{(turn['ended_us'] - turn['started_us']) / 1_000_000:.1f} s")
    if turn["billing"] != "metered":
        about.append(turn["billing"])
    if turn["confidence"] != "exact":
        about.append(turn["confidence"])
    return "; ".join(said), "  ".join(words.clean(one) for one in about if one)


_DECIDED = {"approve": "allowed", "deny": "denied", "expire": "refused after nobody had answered,"}


def _row(one: _Turn, now: datetime) -> list[Cell]:
    usage = Usage(**one["usage"])
    written = usage.cache_write_5m + usage.cache_write_1h
    at = datetime.fromtimestamp(one["started_us"] / 1_000_000, now.tzinfo)
    seen = usage.total > 0
    return [
        Cell(f"{at:%H:%M:%S}", "$text-muted"),
        Cell(words.clean(short_model(one["model"]))),
        Cell(money.tokens(usage.prompt) if seen else ""),
        Cell(money.tokens(usage.cache_read) if seen else ""),
        Cell(money.tokens(written) if written else "", "$text-muted"),
        Cell(money.tokens(usage.output) if seen else ""),
        _cost(one),
        Cell(_purpose(one), "$text-muted"),
        _note(one),
    ]


def _cost(one: _Turn) -> Cell:
    if one["outcome"] == "refused":
        return Cell("refused", "$level-hard")
    if one["cost_nanos"] is None:
        return Cell("…" if one["outcome"] == "running" else "unknown", "$text-muted")
    notional = one["billing"] in ("subscription", "local")
    return Cell(money.usd(one["cost_nanos"], about=one["confidence"] != "exact"), "$text-muted" if notional else "")


def _purpose(one: _Turn) -> str:
    """What it was for: beside the conversation, or in it."""
    if one["request_class"] == "sub-agent":
        return words.clean(one["subagent_type"] or "sub-agent")
    return str(one.get("task_type") or "") if one["request_class"] == "main" else words.clean(one["request_class"])


def _note(one: _Turn) -> Cell:
    """What is odd about it, in a word or two."""
    if one["outcome"] not in _FINE:
        return Cell(f"! {words.clean(one['outcome'])}", "$level-warn")
    if (asked := one["requested"]) and asked != one["model"]:
        return Cell(f"· for {words.clean(short_model(asked))}", "$level-info")
    if one["budget"] and one["outcome"] != "refused":
        return Cell(f"! {words.clean(one['budget'])}", "$level-warn")
    return Cell("  ".join(f"{words.clean(name)} {count}" for name, count in one["fees"].items()), "$text-muted")
