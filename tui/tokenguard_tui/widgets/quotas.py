"""The limits of teams, and below each one what the machines of its members have of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from textual.content import Content

from tokenguard.policy import money
from tokenguard_tui import words
from tokenguard_tui.columns import Cell, Column, laid_out
from tokenguard_tui.themes import LEVEL_STYLES
from tokenguard_tui.widgets.rows import TITLES, Row, Rows

_COLUMNS = (
    Column("BUDGET", bends=True),
    Column("", rank=1),
    Column("", right=True),
    Column(""),
    Column("SPENT", right=True, rank=2),
    Column("HELD", right=True, rank=5),
    Column("PRESUMED", right=True, rank=6),
    Column("FREE", right=True),
    Column("HERE", right=True, rank=3),
    Column("HEARD", right=True, rank=4),
)
_PARTS = (("spent", "█", "#"), ("held", "▒", "+"), ("presumed", "▓", "?"))
_FREE = ("░", ".")
_LONGEST = 24

_Told = Mapping[str, Any]


class Quotas(Rows):
    """One line a limit, and one each machine of a member."""

    def tell(self, told: Sequence[_Told], now: datetime, *, plain: bool) -> None:
        """What the daemon has told of teams."""
        self.put(lines(told, now, self.size.width - 2, plain=plain))


def lines(told: Sequence[_Told], now: datetime, width: int, *, plain: bool) -> list[Row]:
    """Limits in `width` cells, in the order in which they are set."""
    cells = max(6, min(30, width // 6))
    rows: list[tuple[str, list[Cell]]] = []
    for team in told:
        for budget in team["budgets"]:
            rows.append((f"b:{budget['label']}:{budget['resets_at']}", _limit(budget, team, now, cells, plain)))
            for one in team["members"]:
                if one["budget"] == budget["name"]:
                    ident = f"m:{team['name']}:{one['budget']}:{one['id']}/{one['machine']}"
                    rows.append((ident, _member(one, budget["limit"], now, cells, plain)))
    if not rows:
        return [("none", Content.styled("nothing has been heard of its limits yet", "$text-muted"))]
    empty = [all(not row[index].text for _, row in rows) for index in range(len(_COLUMNS))]
    columns = [column._replace(title="") if none else column for column, none in zip(_COLUMNS, empty, strict=True)]
    titles, drawn = laid_out(columns, [row for _, row in rows], width)
    return [(TITLES, titles), *((ident, line) for (ident, _), line in zip(rows, drawn, strict=True))]


def parts(shares: Mapping[str, float], width: int, *, plain: bool) -> str:
    """A bar of so many cells: what is spent, held and presumed, each as a share of the whole, and what is free."""
    drawn, reached = "", 0.0
    for name, sign, ascii_sign in _PARTS:
        reached = min(1.0, reached + max(0.0, shares.get(name, 0.0)))
        drawn += (ascii_sign if plain else sign) * (round(reached * width) - len(drawn))
    return drawn + _FREE[plain] * (width - len(drawn))


def legend(*, plain: bool) -> str:
    """What the signs of the bars are."""
    signs = [f"{ascii_sign if plain else sign} {name}" for name, sign, ascii_sign in _PARTS]
    return "  ".join([*signs, f"{_FREE[plain]} free"])


def remarks(told: Iterable[_Told]) -> list[str]:
    """What a person should know of each team, the worst first."""
    problems = [f"{words.clean(one['name'])}: {words.clean(one['problem'])}" for one in told if one["problem"]]
    return problems + [f"{words.clean(one['name'])}: {words.clean(text)}" for one in told for text in one["remarks"]]


def _limit(one: _Told, team: _Told, now: datetime, cells: int, plain: bool) -> list[Cell]:
    level, limit = one["level"], one["limit"]
    style = LEVEL_STYLES.get(level, "")
    here = max(0, one["remaining"])
    # What is left here of what was granted is held too: by this machine.
    held = (one["held"] or 0) + (here if one["granted"] is not None else 0)
    known = {"spent": one["spent"], "held": held, "presumed": one["presumed"] or 0}
    shares = {name: value / limit if limit else 1.0 for name, value in known.items()}
    left = words.amount(here, "usd") if one.get("usable", True) else "expired"
    return [
        Cell(words.clean(one["label"])),
        Cell(parts(shares, cells, plain=plain), style or "$accent"),
        Cell(f"{money.percent(one['spent'], limit)}%", style),
        Cell(words.SIGNS.get(level, " "), style),
        Cell(words.amount(one["spent"], "usd")),
        Cell(_usd(one["held"])),
        Cell(_usd(one["presumed"])),
        Cell("" if one["free"] is None else words.amount(one["free"], "usd"), style),
        Cell(left if one["granted"] is not None else "", style),
        Cell(_heard(team["heard_at"], now), "$text-muted"),
    ]


def _member(one: _Told, limit: int, now: datetime, cells: int, plain: bool) -> list[Cell]:
    name = words.clean(one["name"] or one["id"], _LONGEST)
    shares = {part: one[part] / limit if limit else 0.0 for part, _, _ in _PARTS}
    branch = "`-" if plain else "└"
    return [
        Cell(f"{branch} {name} {'(you)' if one['you'] else words.clean(one['machine'], 8)}"),
        Cell(parts(shares, cells, plain=plain), "$text-muted"),
        Cell(f"{money.percent(one['spent'], limit)}%"),
        Cell(""),
        Cell(words.amount(one["spent"], "usd")),
        Cell(_usd(one["held"])),
        Cell(_usd(one["presumed"])),
        Cell(""),
        Cell(""),
        Cell("" if one["you"] else _heard(one["heard_at"], now), "$text-muted"),
    ]


def _usd(nanos: int | None) -> str:
    """Nothing where it is not known, or nothing."""
    return words.amount(nanos, "usd") if nanos else ""


def _heard(at: str | None, now: datetime) -> str:
    return words.ago(now, datetime.fromisoformat(at)) if at else "never"
