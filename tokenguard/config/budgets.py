"""`[[budget]]` tables: what people write, checked and made into budgets; and the file that the program writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tokenguard.config.tables import convert, read_toml
from tokenguard.errors import ConfigError
from tokenguard.policy.money import NANOS, parse_amount
from tokenguard.policy.windows import KINDS
from tokenguard.records import Budget, Unit

SCOPES = ("session", "repo", "branch", "agent", "model", "provider", "task", "user", "global")
"""For each of what a budget counts separately; `user` and `global` count everything on this machine."""

ACTIONS = ("refuse", "warn")
MODES = ("calibrated", "strict")

MATCHABLE = ("agent", "branch", "model", "provider", "repo", "session", "task")
"""What a budget's `match` can look at."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BudgetTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[budget]]` as it is written; the keys are documented in docs/configuration.md."""

    name: str
    limit: str | int | float
    scope: str = "global"
    window: str | None = None
    timezone: str | None = None
    match: dict[str, str] = {}
    levels: tuple[int, ...] = (50, 75, 90)
    at_limit: str = "refuse"
    mode: str = "calibrated"


class _BudgetsOnly(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    budget: list[dict[str, Any]] = []


def parse_budgets(tables: Sequence[dict[str, Any]], file: Path, *, allow_zero: bool = False) -> tuple[Budget, ...]:
    """The budgets of a file's `[[budget]]` tables, in order. Raises `ConfigError` naming file, budget and key."""
    budgets: dict[str, Budget] = {}
    for number, table in enumerate(tables, 1):
        name = table.get("name", number)
        where = f'{file.name}: budget "{name}"' if isinstance(name, str) else f"{file.name}: budget {number}"
        budget = make_budget(convert(table, BudgetTable, where), where, str(file), allow_zero=allow_zero)
        if budget.name in budgets:
            raise ConfigError(f"{where}: the name is used twice", "give each budget a name of its own")
        budgets[budget.name] = budget
    return tuple(budgets.values())


def make_budget(table: BudgetTable, where: str, source: str, *, allow_zero: bool = False) -> Budget:
    """A budget from what was written. Raises `ConfigError` for whatever is absurd or contradicts itself."""
    if not _NAME.fullmatch(table.name):
        raise ConfigError(f"{where}: name: it must be letters, digits, dot, dash or underscore", "such as opus-day")
    _one_of(table.scope, SCOPES, where, "scope")
    limit, unit = _limit(table.limit, where, allow_zero=allow_zero)
    window = table.window or ("session" if table.scope == "session" else None)
    if window is None:
        raise ConfigError(f"{where}: window is missing", f"use one of {', '.join(KINDS)}")
    _one_of(window, KINDS, where, "window")
    if window == "session" and table.scope != "session":
        raise ConfigError(f'{where}: window "session" needs scope "session"', 'set scope = "session"')
    _one_of(table.at_limit, ACTIONS, where, "at_limit")
    _one_of(table.mode, MODES, where, "mode")
    for field, glob in table.match.items():
        _one_of(field, MATCHABLE, where, "match")
        if "[" in glob:
            raise ConfigError(f'{where}: match.{field} "{glob}" has a bracket', "use only * and ? as wildcards")
    if list(table.levels) != sorted(set(table.levels)) or not all(0 < level < 100 for level in table.levels):
        raise ConfigError(f"{where}: levels must rise and lie between 1 and 99", "such as [50, 75, 90]")
    if len(table.levels) != 3:
        raise ConfigError(f"{where}: levels are three percents: info, warn, soft", "such as [50, 75, 90]")
    return Budget(
        name=table.name,
        limit=limit,
        scope=table.scope,
        unit=unit,
        window=window,
        timezone=_zone(table.timezone, where),
        match=tuple(sorted(table.match.items())),
        levels=table.levels,
        at_limit=table.at_limit,
        mode=table.mode,
        source=source,
    )


def read_machine_budgets(file: Path) -> tuple[Budget, ...]:
    """The budgets that `tokenguard budget set` wrote."""
    return parse_budgets(convert(read_toml(file), _BudgetsOnly, file.name).budget, file, allow_zero=True)


def read_repository_budgets(worktree: Path, repo: str) -> tuple[Budget, ...]:
    """The budgets of a repository's own `tokenguard.toml`, confined to that repository.

    The file can add limits and nothing else, so whatever else it says is an error rather than ignored: its author
    wanted something that it does not get. Raises `ConfigError`.
    """
    file = worktree / "tokenguard.toml"
    tables = read_toml(file)
    foreign = sorted(set(tables) - {"budget"})
    if foreign:
        raise ConfigError(
            f'{file}: a repository can only add budgets, not set "{foreign[0]}"',
            "move that to your own config.toml",
        )
    budgets = parse_budgets(convert(tables, _BudgetsOnly, str(file)).budget, file)
    return tuple(msgspec.structs.replace(budget, match=(*budget.match, ("repo", _literal(repo)))) for budget in budgets)


def write_machine_budgets(file: Path, budgets: Iterable[Budget]) -> None:
    """Replace the file, atomically. Raises `ConfigError` if it cannot be written."""
    import os

    import tomli_w

    text = "# Written by `tokenguard budget`; your own budgets belong in config.toml.\n\n"
    text += tomli_w.dumps({"budget": [_table(budget) for budget in budgets]})
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o600)
        temporary.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", "check the folder's permissions") from error


def limit_text(limit: int, unit: Unit) -> str:
    """A limit as `parse_amount` reads it back, exactly: `$20`, `2000000 tokens`, `300 calls`."""
    if unit is not Unit.USD:
        return f"{limit} {unit.value}"
    whole, part = divmod(limit, NANOS)
    return f"${whole}.{part:09d}".rstrip("0").rstrip(".")


def _table(budget: Budget) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": budget.name,
        "scope": budget.scope,
        "limit": limit_text(budget.limit, budget.unit),
        "window": budget.window,
        "levels": list(budget.levels),
        "at_limit": budget.at_limit,
        "mode": budget.mode,
    }
    if budget.timezone:
        written["timezone"] = budget.timezone
    if budget.match:
        written["match"] = dict(budget.match)
    return written


def _limit(written: str | int | float, where: str, *, allow_zero: bool) -> tuple[int, Unit]:
    try:
        limit, unit = parse_amount(str(written))
    except ValueError as error:
        raise ConfigError(f"{where}: limit {error}") from error
    if limit == 0 and not allow_zero:
        raise ConfigError(f"{where}: limit is zero, which refuses every call", "give it an amount above zero")
    return limit, unit


def _zone(name: str | None, where: str) -> str | None:
    if name is not None:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError) as error:
            raise ConfigError(
                f'{where}: timezone "{name}" is not known', "use an IANA name such as Europe/Berlin"
            ) from error
    return name


def _one_of(value: str, accepted: Sequence[str], where: str, key: str) -> None:
    if value not in accepted:
        raise ConfigError(f'{where}: {key} "{value}" is not known', f"use one of {', '.join(accepted)}")


def _literal(text: str) -> str:
    """`text` as a glob that matches nothing else."""
    return re.sub(r"([*?\[])", r"[\1]", text)
