"""The `[team]` table that `tokenguard team init` writes: behind what stands in the file, which stays as it is."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tokenguard.cli.amounts import Limit
from tokenguard.config.budgets import limit_text
from tokenguard.config.teams import parse_team
from tokenguard.errors import ConfigError, UsageError
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.gitrefs.members import new_salt


def begun(
    name: str,
    limit: Limit | None,
    budget: Mapping[str, str | None],
    given: Mapping[str, str | None],
    treasurer: Callable[[str], str],
) -> dict[str, Any]:
    """The table, of what was given. `treasurer` says by the salt who hands out the limit.

    Raises `UsageError` where a limit is missing; all else is for `parse_team` to judge.
    """
    table: dict[str, Any] = {"name": name, **{key: value for key, value in given.items() if value is not None}}
    if table["backend"] == "git":
        if limit is None:
            raise UsageError("--limit is missing", "such as --limit 500")
        table["salt"] = new_salt()
        if table.get("mode") == "rights":
            table["treasurer"] = treasurer(table["salt"])
    if limit is not None:
        said = {key: value for key, value in budget.items() if value is not None}
        table["budget"] = [{"name": said["window"], "limit": limit_text(limit.value, limit.unit), **said}]
    return table


def append_team(file: Path, table: Mapping[str, Any], check: Callable[[TeamPolicy], None]) -> TeamPolicy:
    """Write the table behind all that stands in the file. `check` may refuse it by raising.

    Raises `UsageError` for what is no team, and `ConfigError` if the file cannot be written.
    """
    import tomli_w

    text = tomli_w.dumps({"team": {key: value for key, value in table.items() if key != "budget"}})
    for budget in table.get("budget", ()):
        text += f"\n[[team.budget]]\n{tomli_w.dumps(budget)}"
    try:
        policy = parse_team(tomllib.loads(text)["team"], file)
    except ConfigError as error:
        raise UsageError(error.message, error.hint) from error
    check(policy)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with open(os.open(file, flags, 0o644), "r+b") as stream:
            before = stream.read()
            between = b"" if not before else b"\n" if before.endswith(b"\n") else b"\n\n"
            stream.write(between + text.encode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", "check its permissions") from error
    return policy
