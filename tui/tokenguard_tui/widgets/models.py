"""Models: their shares of the tokens beside those of the spending, what they cost, and how well caches serve them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

from tokenguard.policy import money
from tokenguard.policy.naming import short_model
from tokenguard.records import Usage
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.palette import MUTED
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

ORDERS = {"spend": "dearest first", "tokens": "most tokens first", "cache": "worst cached first"}
"""By what models can be ordered, and how it is said."""

_FELL = 0.1
"""A hit rate that is lower by this than before is worth a word."""
_LEAST_TOKENS = 50_000
"""Of so many tokens on, a hit rate says something."""

_Row = Mapping[str, Any]


class ModelTable(Rows):
    """One line a model of a provider."""

    BINDINGS = [Binding("enter", "select", "history", tooltip="when the selected model was used")]

    class Opened(Message):
        """Somebody wants to see when a model was used."""

        def __init__(self, model: str) -> None:
            super().__init__()
            self.model = model

    def put_told(self, told: Mapping[str, Any] | None, order: str, plain: bool) -> None:
        """What `GET /v1/models` has told; None where it has told nothing yet."""
        self.put(lines(told, order, self.size.width - 2, plain))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One has to be selected before it can be looked at."""
        return "\0" in (self.selected or "") if action == "select" else True

    def on_option_list_option_highlighted(self) -> None:
        """It can be looked at now."""
        self.refresh_bindings()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter, or a click."""
        event.stop()
        model, between, _ = (event.option_id or "").rpartition("\0")
        if between:
            self.post_message(self.Opened(model))


def lines(told: Mapping[str, Any] | None, order: str, width: int, plain: bool) -> list[Row]:
    """Models in `width` cells, ordered by one of `ORDERS`."""
    if told is None:
        return []
    rows: Sequence[_Row] = sorted(told["rows"], key=_key(order))
    if not rows:
        return [("none", Content.styled("no calls in this time: tokenguard run claude", MUTED))]
    whole: _Row = told["total"]
    money_key = "cost_nanos" if whole["cost_nanos"] or not whole["notional_nanos"] else "notional_nanos"
    spends = [row[money_key] / whole[money_key] if whole[money_key] else 0.0 for row in rows]
    most = max(0.01, *spends, *(row["token_share"] for row in rows))
    cells = max(5, min(24, (width - 44) // 4))
    shorts = Counter(short_model(row["model"]) for row in rows)
    drawn = [
        [
            Cell(words.clean(_name(row, shorts))),
            Cell(_bar(row["token_share"] / most, cells, plain), "$foreground 45%"),
            Cell(_percent(row["token_share"])),
            Cell(money.tokens(Usage(**row["usage"]).total), MUTED),
            Cell(_bar(spend / most, cells, plain), "$accent" if money_key == "cost_nanos" else "$accent 50%"),
            Cell(_percent(spend)),
            _dollars(row, money_key),
            Cell(_beside(row, whole, money_key), MUTED),
            Cell(str(row["calls"]), MUTED),
            Cell(_price(row, "input_per_million"), MUTED),
            Cell(_price(row, "output_per_million")),
            Cell("-" if row["hit_rate"] is None else f"{row['hit_rate']:.0%}"),
            Cell(_fell(row), MUTED),
        ]
        for row, spend in zip(rows, spends, strict=True)
    ]
    titles, content = laid_out(_columns(money_key, any(row[7].text for row in drawn)), drawn, width)
    idents = [f"{row['model']}\0{row['provider']}" for row in rows]
    return [(TITLES, titles), *zip(idents, content, strict=True)]


def _columns(money_key: str, notional_beside: bool) -> tuple[Column, ...]:
    return (
        Column("MODEL", bends=True),
        Column("TOKENS"),
        Column("", right=True, rank=2),
        Column("", right=True, rank=8),
        Column("SPEND" if money_key == "cost_nanos" else "NOTIONAL"),
        Column("", right=True),
        Column("", right=True),
        Column("NOTIONAL" if notional_beside else "", right=True, rank=6),
        Column("CALLS", right=True, rank=9),
        Column("$/M IN", right=True, rank=7),
        Column("$/M OUT", right=True, rank=4),
        Column("CACHED", right=True, rank=3),
        Column("", rank=5),
    )


def _key(order: str) -> Callable[[_Row], tuple[float, ...]]:
    def spend(row: _Row) -> tuple[float, ...]:
        return -row["cost_nanos"], -row["notional_nanos"]

    if order == "tokens":
        return lambda row: (-row["token_share"], *spend(row))
    if order == "cache":
        return lambda row: (2.0 if row["hit_rate"] is None else row["hit_rate"], *spend(row))
    return spend


def _name(row: _Row, shorts: Mapping[str, int]) -> str:
    """With its provider, where the same model comes from two."""
    name = short_model(row["model"])
    return f"{name} {row['provider']}" if shorts[name] > 1 else name


def _bar(share: float, cells: int, plain: bool) -> str:
    """A bar without a track: two of them stand side by side to be compared."""
    bar = words.bar(share, cells, plain=plain).rstrip("░." if not plain else ".")
    return f"{bar or '▏' if not plain else bar:<{cells}}"


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _dollars(row: _Row, key: str) -> Cell:
    about = row["confidence"] != "exact" or bool(row["unpriced"])
    return Cell(money.usd(row[key], about=about), "" if key == "cost_nanos" else MUTED)


def _beside(row: _Row, whole: _Row, key: str) -> str:
    """What nobody pays, where something else is paid."""
    return money.usd(row["notional_nanos"]) if key == "cost_nanos" and row["notional_nanos"] else ""


def _price(row: _Row, key: str) -> str:
    nanos = row[key]
    if nanos is None:
        return "-"
    return ("" if row["price_confidence"] == "exact" else "≈") + f"{nanos / money.NANOS:,.2f}"


def _fell(row: _Row) -> str:
    """Where less comes from the cache than before."""
    now, before = row["hit_rate"], row["hit_rate_before"]
    if now is None or before is None or before - now < _FELL or Usage(**row["usage"]).prompt < _LEAST_TOKENS:
        return ""
    return f"was {before:.0%}"
