"""Budgets, and the windows that providers keep: how full each is, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from textual.content import Content

from tokenguard.policy import money
from tokenguard.policy.naming import window_name
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.state import State
from tokenguard_tui.themes import LEVEL_STYLES
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column("BUDGET", bends=True),
    Column(""),
    Column("", right=True),
    Column(""),
    Column("SPENT", right=True, rank=4),
    Column("LIMIT", right=True, rank=5),
    Column("LEFT", right=True),
    Column("UNTIL", rank=3),
)


class Gauges(Rows):
    """One line a budget, the fullest first."""

    def show(self, state: State, now: datetime) -> None:
        """See `Panel.show`."""
        self.put(lines(state, now, self.size.width - 2))


def lines(state: State, now: datetime, width: int) -> list[Row]:
    """Budgets and windows in `width` cells."""
    if not state.budgets and not state.windows:
        return [("none", Content.styled("no budget yet: tokenguard budget set day --limit 20", "$text-muted"))]
    cells = max(6, min(30, width // (4 if width >= 60 else 5)))
    shown = [(f"b:{one['label']}:{one['key']}", _budget(one, now, cells, state.plain)) for one in state.budgets]
    shown += [(f"w:{one['provider']}:{one['name']}", _window(one, now, cells, state.plain)) for one in state.windows]
    titles, drawn = laid_out(_COLUMNS, [row for _, row in shown], width)
    return [(TITLES, titles), *((ident, line) for (ident, _), line in zip(shown, drawn, strict=True))]


def _budget(one: Mapping[str, Any], now: datetime, cells: int, plain: bool) -> list[Cell]:
    level, unit, limit = one["level"], one["unit"], one["limit"]
    style, share = LEVEL_STYLES[level], one["spent"] / limit if limit else 1.0
    held = one["reserved"] / limit if limit else 0.0
    left = words.amount(max(0, one["remaining"]), unit)
    return [
        Cell(words.clean(one["label"])),
        Cell(words.bar(share, cells, held=held, plain=plain), style or "$accent"),
        Cell(f"{money.percent(one['spent'], limit)}%", style),
        Cell(words.SIGNS[level], style),
        Cell(words.amount(one["spent"], unit)),
        Cell(words.amount(limit, unit), "$text-muted"),
        Cell(left, style),
        Cell(_until(one, now), "$text-muted"),
    ]


def _until(one: Mapping[str, Any], now: datetime) -> str:
    """When it will be full, if that is before it starts anew; else when it starts anew."""
    forecast: Mapping[str, Any] = one.get("forecast") or {}
    if one["level"] != "hard" and (full := forecast.get("full_at")):
        return f"full ≈ {_at(datetime.fromisoformat(full), now)}"
    return f"resets {_at(datetime.fromisoformat(one['resets_at']), now)}" if one["resets_at"] else ""


def _at(then: datetime, now: datetime) -> str:
    local = then.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if (local - now).total_seconds() < 86_400 else f"{local:%b} {local.day}"


def _window(one: Mapping[str, Any], now: datetime, cells: int, plain: bool) -> list[Cell]:
    used = one["used_percent"]
    resets = f"resets {_at(datetime.fromisoformat(one['resets_at']), now)}" if one["resets_at"] else ""
    return [
        Cell(words.clean(window_name(one["provider"], one["name"]))),
        Cell(words.bar(used / 100, cells, plain=plain), "$text-muted"),
        Cell(f"{int(used)}%"),
        Cell(" "),
        Cell(""),
        Cell(""),
        Cell(""),
        Cell(resets, "$text-muted"),
    ]
