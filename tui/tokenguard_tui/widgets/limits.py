"""Budgets as they are set, and below each one its counters: how full they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from textual.content import Content

from tokenguard.policy import money
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.state import State
from tokenguard_tui.themes import LEVEL_STYLES
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column("BUDGET", bends=True),
    Column("", rank=1),
    Column("", right=True),
    Column(""),
    Column("SPENT", right=True, rank=3),
    Column("LIMIT", right=True, rank=2),
    Column("LEFT", right=True),
    Column("RULE", bends=True, rank=4),
)
_WIDE = 110
_ALONE = ("global", "user")

_Told = Mapping[str, Any]


class Limits(Rows):
    """One line a budget, and one each counter."""

    def tell(self, told: _Told, state: State) -> None:
        """What the daemon has told of budgets, and in the status of their counters."""
        self.put(lines(told["budgets"], state.budgets, self.size.width - 2, state.plain))


def lines(known: Sequence[_Told], counters: Sequence[_Told], width: int, plain: bool) -> list[Row]:
    """Budgets in `width` cells, in the order in which they are set; those of repositories and runs after them."""
    cells = max(6, min(24, width // 7))
    rows: list[tuple[str, list[Cell]]] = []
    left = list(counters)
    for one in known:
        own = [each for each in counters if (each.get("name"), each.get("source")) == (one["name"], one["source"])]
        left = [each for each in left if each not in own]
        rows += _family(one, own, rule(one["table"], whole=width >= _WIDE), cells, plain)
    rows += [(f"c:{one['label']}:{one['key']}", _counter(one, one["label"], cells, plain)) for one in left]
    if not rows:
        return [("none", Content.styled("no budget yet: n sets one", "$text-muted"))]
    titles, drawn = laid_out(_COLUMNS, [row for _, row in rows], width)
    return [(TITLES, titles), *((ident, line) for (ident, _), line in zip(rows, drawn, strict=True))]


def _family(one: _Told, counters: Sequence[_Told], says: str, cells: int, plain: bool) -> list[tuple[str, list[Cell]]]:
    """A budget and its counters; in one line where it has one for everything."""
    table, name = one["table"], words.clean(one["name"])
    ident, told = f"b:{one['name']}:{one['source']}", Cell(words.clean(says), "$text-muted")
    if table.get("scope", "global") in _ALONE and len(counters) == 1:
        return [(ident, [*_counter(counters[0], name, cells, plain)[:-1], told])]
    limit = Cell(words.clean(str(table["limit"])), "$text-muted")
    rows = [(ident, [Cell(name), *[Cell("")] * 4, limit, Cell(""), told])]
    branch = "`-" if plain else "└"
    for each in counters:
        key = str(each["label"]).removesuffix(f"/{one['name']}")
        rows.append((f"c:{each['label']}:{each['key']}", _counter(each, f"{branch} {key}", cells, plain)))
    return rows


def _counter(one: _Told, name: str, cells: int, plain: bool) -> list[Cell]:
    level, unit, limit = one["level"], one["unit"], one["limit"]
    style = LEVEL_STYLES.get(level, "")
    share, held = (one["spent"] / limit, one["reserved"] / limit) if limit else (1.0, 0.0)
    kept = one.get("landing") and not one.get("landing_released")
    return [
        Cell(words.clean(name)),
        Cell(words.bar(share, cells, held=held, plain=plain), style or "$accent"),
        Cell(f"{money.percent(one['spent'], limit)}%", style),
        Cell(words.SIGNS.get(level, " "), style),
        Cell(words.amount(one["spent"], unit)),
        Cell(words.amount(limit, unit), "$text-muted"),
        Cell(words.amount(max(0, one["remaining"]), unit), style),
        Cell(f"{words.amount(one['landing'], unit)} kept for landing" if kept else "", "$text-muted"),
    ]


def rule(table: _Told, *, whole: bool) -> str:
    """For what and in which window a budget counts; the `whole` of it also says which calls, and what happens then."""
    scope, match, at_limit = table.get("scope", "global"), table.get("match", {}), table.get("at_limit", "refuse")
    said = [f"each {scope}"] if scope not in _ALONE else []
    said += [table.get("official") or table.get("window") or scope]
    if whole:
        said += [glob if field == "model" else f"{field} {glob}" for field, glob in match.items()]
        said += [f"{table['bucket']} only"] if "bucket" in table else []
        said += [word for word in (at_limit, table.get("mode")) if word not in ("refuse", "calibrated", None)]
    return "  ".join(said)


def remark(one: _Told) -> tuple[str, str]:
    """What a budget does, and where it is set."""
    shown = {"name", "limit", "scope", "window", "match", "at_limit", "mode", "levels", "official", "bucket"}
    besides = [f"{key.replace('_', ' ')}{_plain(value)}" for key, value in one["table"].items() if key not in shown]
    where = "set in" if one["changeable"] else "written by hand in"
    said = "  ".join([str(one["table"]["limit"]), rule(one["table"], whole=True), *besides])
    return words.clean(said), words.clean(f"{where} {one['source']}")


def _plain(value: object) -> str:
    """A value after its key; that something is switched on says its key."""
    if isinstance(value, dict):
        return "".join(f" {key} -> {to}" for key, to in cast(dict[str, str], value).items())
    return "" if value is True else f" {value}"
