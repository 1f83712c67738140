"""Changes to the file of budgets that the program writes: by the command, and by the dashboard through the daemon."""

from __future__ import annotations

from typing import Any

from tokenguard.config import budgets, settings
from tokenguard.config.paths import Paths, make_private
from tokenguard.config.tables import read_toml
from tokenguard.errors import ConfigError, UsageError
from tokenguard.records import Budget

Tables = dict[str, dict[str, Any]]
"""The `[[budget]]` tables of the file, by name."""


def tables_for(paths: Paths, name: str) -> Tables:
    """What is written, to change `name`. Raises `UsageError` if that is written by hand, or `ConfigError`."""
    for known in settings.load(paths).budgets:
        if known.name == name and known.source == str(paths.config_file):
            raise UsageError(f'budget "{name}" is written by hand', f"change it in {paths.config_file}")
    return {table["name"]: table for table in read_toml(paths.budgets_file).get("budget", [])}


def write(paths: Paths, tables: Tables) -> dict[str, Budget]:
    """Check and write all of them. Raises `UsageError` for what is not a budget, or `ConfigError`."""
    try:
        known = budgets.parse_budgets(list(tables.values()), paths.budgets_file, allow_zero=True)
    except ConfigError as error:
        raise UsageError(error.message, error.hint) from error
    make_private(paths.config_dir)
    budgets.write_machine_budgets(paths.budgets_file, known)
    return {budget.name: budget for budget in known}


def put(paths: Paths, table: dict[str, Any], *, new: bool) -> None:
    """Write one budget in place of that of its name; a `new` one takes nobody's place. Raises as `write` does."""
    name = table.get("name", "")
    if not isinstance(name, str):
        raise UsageError("name is not text", "such as opus-day")
    tables = tables_for(paths, name)
    if new is (name in tables):
        raise UsageError(f'there is {"already a" if new else "no"} budget "{name}"', "see tokenguard budget list")
    write(paths, tables | {name: table})


def remove(paths: Paths, name: str) -> None:
    """Raises `UsageError` if there is none of that name, or `ConfigError`."""
    tables = tables_for(paths, name)
    if tables.pop(name, None) is None:
        raise UsageError(f'there is no budget "{name}"', f"set by command: {', '.join(tables) or 'none'}")
    write(paths, tables)
