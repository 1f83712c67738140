"""Where budgets are written: the tables of `config.toml`, the file of the program, and that of a repository."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tokenguard.config import whole
from tokenguard.config.budget_table import BudgetTable, make_budget
from tokenguard.config.hooks import parse_repository_hooks
from tokenguard.config.tables import convert, read_toml, shown
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import REPOSITORY_FILE
from tokenguard.policy.money import NANOS
from tokenguard.policy.windows import WEEKDAYS
from tokenguard.records import Budget, Unit

REPOSITORY_ACTIONS = ("refuse", "hold", "warn")
"""What a repository's budgets can do at their limit."""

_MOST_OF_A_REPOSITORY = 50
"""Every call is held against every budget that applies to it."""


class _BudgetsOnly(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    budget: list[dict[str, Any]] = []


def parse_budgets(tables: Sequence[dict[str, Any]], file: Path, *, allow_zero: bool = False) -> tuple[Budget, ...]:
    """The budgets of a file's `[[budget]]` tables, in order. Raises `ConfigError` naming file, budget and key."""
    budgets: dict[str, Budget] = {}
    for number, table in enumerate(tables, 1):
        name = table.get("name", number)
        where = f'{file.name}: budget "{shown(name)}"' if isinstance(name, str) else f"{file.name}: budget {number}"
        budget = make_budget(convert(table, BudgetTable, where), where, str(file), allow_zero=allow_zero)
        if budget.name in budgets:
            raise ConfigError(f"{where}: the name is used twice", "give each budget a name of its own")
        budgets[budget.name] = budget
    return tuple(budgets.values())


def read_machine_budgets(file: Path) -> tuple[Budget, ...]:
    """The budgets that `tokenguard budget set` wrote."""
    return parse_budgets(convert(read_toml(file), _BudgetsOnly, file.name).budget, file, allow_zero=True)


def read_repository_budgets(worktree: Path, repo: str) -> tuple[Budget, ...]:
    """The budgets of a repository's own `tokenguard.toml`, confined to that repository.

    The file can add limits that stop calls, make hooks stricter, and nothing else, so whatever else it says is an error
    rather than ignored: its author wanted something that it does not get. Raises `ConfigError`. What it says of a team
    is for `config.teams` to read: its own budgets hold whether or not that is understood.
    """
    file = worktree / REPOSITORY_FILE
    tables = read_toml(file, foreign=True)
    foreign = sorted(set(tables) - {"budget", "hooks", "team"})
    if foreign:
        raise ConfigError(
            f'{file}: a repository can only add budgets, not set "{shown(foreign[0])}"',
            "move that to your own config.toml",
        )
    parse_repository_hooks(tables.pop("hooks", {}), file)
    tables.pop("team", None)
    budgets = parse_budgets(convert(tables, _BudgetsOnly, str(file)).budget, file)
    if len(budgets) > _MOST_OF_A_REPOSITORY:
        text = f"{file}: a repository can add {_MOST_OF_A_REPOSITORY} budgets, not {len(budgets)}"
        raise ConfigError(text, "leave out those that others cover")
    for budget in budgets:
        _only_tightens(budget, f'{file}: budget "{budget.name}"')
    return tuple(msgspec.structs.replace(budget, match=(*budget.match, ("repo", _literal(repo)))) for budget in budgets)


def as_one(budgets: Iterable[Budget], repo: str) -> tuple[Budget, ...]:
    """The budgets of a repository's file, in whichever working tree it lies: copies of one count as one."""
    return tuple(msgspec.structs.replace(budget, source=f"{repo}/{REPOSITORY_FILE}") for budget in budgets)


def _only_tightens(budget: Budget, where: str) -> None:
    """It may say no to a request, and not change what the user asks for."""
    if budget.at_limit not in REPOSITORY_ACTIONS:
        text = f'{where}: a repository cannot set at_limit "{budget.at_limit}"'
        raise ConfigError(text, f"use one of {', '.join(REPOSITORY_ACTIONS)}, or move it to your own config.toml")
    for key in ("downgrade", "clamp"):
        if getattr(budget, key):
            text = f"{where}: a repository cannot set {key}, which changes requests"
            raise ConfigError(text, "move it to your own config.toml")


def write_machine_budgets(file: Path, budgets: Iterable[Budget]) -> None:
    """Replace the file, atomically. Raises `ConfigError` if it cannot be written."""
    import tomli_w

    text = "# Written by `tokenguard budget`; your own budgets belong in config.toml.\n\n"
    text += tomli_w.dumps({"budget": [table_of(budget) for budget in budgets]})
    whole.replace(file, text.encode())


def limit_text(limit: int, unit: Unit) -> str:
    """A limit as `parse_amount` reads it back, exactly: `$20`, `2000000 tokens`, `300 calls`, `90%`."""
    if unit is Unit.PERCENT:
        return f"{limit}%"
    if unit is not Unit.USD:
        return f"{limit} {unit.value}"
    whole, part = divmod(limit, NANOS)
    return f"${whole}.{part:09d}".rstrip("0").rstrip(".")


def table_of(budget: Budget) -> dict[str, Any]:
    """The keys of a budget as they are written: the main ones, and those that differ from their default."""
    written: dict[str, Any] = {"name": budget.name, "limit": limit_text(budget.limit, budget.unit)}
    if budget.official is None:
        written |= {"scope": budget.scope, "window": budget.window}
    written |= {"levels": list(budget.levels), "at_limit": budget.at_limit, "mode": budget.mode}
    if budget.landing:
        written["landing"] = limit_text(budget.landing, budget.unit)
    for field in msgspec.structs.fields(Budget):
        value = getattr(budget, field.name)
        if field.name not in (*written, "unit", "source") and value != field.default:
            written[field.name] = _SPELLED[field.name](value) if field.name in _SPELLED else value
    return written


_SPELLED: dict[str, Callable[[Any], Any]] = {
    "week_start": WEEKDAYS.__getitem__,
    "match": dict,
    "downgrade": dict,
}


def _literal(text: str) -> str:
    """`text` as a glob that matches nothing else."""
    return re.sub(r"([*?\[])", r"[\1]", text)
