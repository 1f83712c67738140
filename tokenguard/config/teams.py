"""`[team]` of a repository's `tokenguard.toml`: what a team shares, and where. It takes effect once it is trusted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tokenguard.config.budget_values import amount, check_levels, check_limit, check_zone, month_start
from tokenguard.config.budgets import REPOSITORY_ACTIONS
from tokenguard.config.tables import convert, read_toml, shown
from tokenguard.config.team_addresses import check_database, check_remote
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import REPOSITORY_FILE
from tokenguard.policy.measure import COUNTS
from tokenguard.policy.windows import WEEKDAYS
from tokenguard.records import Unit
from tokenguard.records.teams import TeamBudget, TeamPolicy

BACKENDS = ("git", "postgres")
MODES = ("shared", "rights")
UNREACHABLE = ("refuse", "warn")

WINDOWS = ("day", "week", "month", "quarter", "year", "total")
"""The same instants for everybody; a session or the last five hours are not."""

_DEFAULT = TeamBudget("", 0)
_MOST = 20
"""Each of them is reported by every machine."""

_BUDGET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEAM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""Part of names of refs and folders, on file systems too that take no notice of case."""
_SALT = re.compile(r"[A-Za-z0-9_-]{16,128}")
_WRITER = re.compile(r"[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_-]{1,64}")
_OWNER = re.compile(r"(org|repo):[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Part of the name of a folder, too."""


class TeamBudgetTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[team.budget]]` as it is written."""

    name: str
    limit: str | int | float
    window: str = _DEFAULT.window
    timezone: str = _DEFAULT.timezone
    week_start: str | None = None
    month_start: int | None = None
    levels: tuple[int, ...] = _DEFAULT.levels
    at_limit: str = _DEFAULT.at_limit
    counts: str = _DEFAULT.counts
    owner: str | None = None
    """Whose limit it is, in a database: `org:NAME` or `repo:NAME`; the team's own without it."""


class TeamTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[team]` as it is written. What means something only with one backend is None where it is not written."""

    name: str
    backend: str = "git"
    mode: str | None = None
    remote: str | None = None
    treasurer: str | None = None
    salt: str | None = None
    database: str | None = None
    repository: str | None = None
    unreachable: str = "refuse"
    budget: list[dict[str, Any]] = []


def read_team_policy(worktree: Path) -> TeamPolicy | None:
    """What the file of a repository says of its team; None if it names none. Raises `ConfigError`."""
    file = worktree / REPOSITORY_FILE
    table = read_toml(file, foreign=True).get("team")
    return None if table is None else parse_team(table, file)


def parse_team(table: object, file: Path) -> TeamPolicy:
    """The table of a repository's file. Raises `ConfigError` naming file, key and what is accepted."""
    where = f"{file}: team"
    given = convert(table, TeamTable, where)
    if not _TEAM_NAME.fullmatch(given.name):
        raise ConfigError(
            f'{where}: name "{shown(given.name)}" is not taken', "use up to 40 of a-z, 0-9, dash and underscore"
        )
    _check_word(given.backend, BACKENDS, f"{where}: backend")
    _check_word(given.unreachable, UNREACHABLE, f"{where}: unreachable")
    _check_belonging(given, where)
    settings = _git(given, where) if given.backend == "git" else _postgres(given, where)
    budgets = _budgets(given, where)
    for budget in budgets:
        if budget.owner and given.backend != "postgres":
            raise ConfigError(
                f'{where}: budget "{budget.name}": owner means nothing here', 'it needs backend = "postgres"'
            )
        if settings["mode"] != "shared":
            if budget.at_limit == "warn":
                text = f'{where}: budget "{budget.name}": at_limit "warn" keeps nobody within what was handed to them'
                raise ConfigError(text, 'use refuse or hold, or mode = "shared"')
    return TeamPolicy(
        name=given.name, backend=given.backend, budgets=budgets, unreachable=given.unreachable, **settings
    )


def fingerprint_of(policy: TeamPolicy) -> str:
    """What trust in a policy is bound to: the same for whatever means the same."""
    said = {
        field.name: value
        for field in msgspec.structs.fields(TeamPolicy)
        if (value := getattr(policy, field.name)) != field.default
    }
    return sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def _check_word(word: str, known: Sequence[str], at: str) -> None:
    if word not in known:
        raise ConfigError(f'{at} "{shown(word)}" is not known', f"use one of {', '.join(known)}")


def _check_belonging(given: TeamTable, where: str) -> None:
    """No key that the backend does not look at: whoever wrote it wanted something that they do not get."""
    belongs = {"remote": "git", "treasurer": "git", "salt": "git", "database": "postgres", "repository": "postgres"}
    for key, backend in belongs.items():
        if getattr(given, key) is not None and given.backend != backend:
            raise ConfigError(f"{where}: {key} means nothing here", f'it needs backend = "{backend}"')


def _git(given: TeamTable, where: str) -> dict[str, str]:
    mode = given.mode or "shared"
    _check_word(mode, MODES, f"{where}: mode")
    if given.salt is None or not _SALT.fullmatch(given.salt):
        raise ConfigError(
            f"{where}: salt must be 16 to 128 letters and digits", "tokenguard team init writes one; keep it"
        )
    if (given.treasurer is not None) != (mode == "rights"):
        text = "treasurer is missing" if mode == "rights" else "treasurer means nothing here"
        raise ConfigError(f"{where}: {text}", 'mode = "rights" needs one, and only that: MEMBER/MACHINE')
    if given.treasurer is not None and not _WRITER.fullmatch(given.treasurer):
        raise ConfigError(
            f'{where}: treasurer "{shown(given.treasurer)}" is not a machine of a member', "write MEMBER/MACHINE"
        )
    if not given.budget:
        raise ConfigError(f"{where}: there is no limit in it", "add a [[team.budget]] with name and limit")
    remote = check_remote(given.remote or "origin", where)
    return {"mode": mode, "salt": given.salt, "treasurer": given.treasurer or "", "remote": remote}


def _postgres(given: TeamTable, where: str) -> dict[str, str]:
    _check_word(given.mode or "leases", ("leases",), f"{where}: mode")
    if given.database is None:
        raise ConfigError(f"{where}: database is missing", 'such as "host=db.example.com dbname=tokenguard"')
    if given.repository is not None and not _SUBJECT.fullmatch(given.repository):
        text = f'{where}: repository "{shown(given.repository)}" is not taken'
        raise ConfigError(text, "use up to 64 letters, digits, dots, dashes and underscores")
    return {
        "mode": "leases",
        "database": check_database(given.database, where),
        "repository": given.repository or "",
    }


def _budgets(given: TeamTable, where: str) -> tuple[TeamBudget, ...]:
    budgets: dict[str, TeamBudget] = {}
    for number, table in enumerate(given.budget, 1):
        name = table.get("name", number)
        at = f'{where}: budget "{shown(name)}"' if isinstance(name, str) else f"{where}: budget {number}"
        budget = _budget(convert(table, TeamBudgetTable, at), at)
        if budget.name in budgets:
            raise ConfigError(f"{at}: the name is used twice", "give each budget a name of its own")
        budgets[budget.name] = budget
    if len(budgets) > _MOST:
        raise ConfigError(f"{where}: a team can have {_MOST} budgets, not {len(budgets)}", "leave some out")
    return tuple(budgets.values())


def _budget(table: TeamBudgetTable, where: str) -> TeamBudget:
    if not _BUDGET_NAME.fullmatch(table.name):
        raise ConfigError(f"{where}: name: it must be letters, digits, dot, dash or underscore", "such as month")
    limit, unit = amount(table.limit, f"{where}: limit")
    if unit is not Unit.USD:
        raise ConfigError(f'{where}: limit "{shown(table.limit)}" is not in dollars', 'a team shares dollars: "$500"')
    check_limit(limit, unit, where, allow_zero=False)
    _check_word(table.window, WINDOWS, f"{where}: window")
    _check_word(table.at_limit, REPOSITORY_ACTIONS, f"{where}: at_limit")
    _check_word(table.counts, COUNTS, f"{where}: counts")
    if table.week_start is not None:
        _check_word(table.week_start, WEEKDAYS, f"{where}: week_start")
    for key, windows in (("week_start", ("week",)), ("month_start", ("month", "quarter", "year"))):
        if getattr(table, key) is not None and table.window not in windows:
            raise ConfigError(f"{where}: {key} means nothing here", f"it needs a window of {' or '.join(windows)}")
    check_levels(table.levels, where)
    if table.owner is not None and not _OWNER.fullmatch(table.owner):
        raise ConfigError(f'{where}: owner "{shown(table.owner)}" is not taken', "use org:NAME or repo:NAME")
    return TeamBudget(
        name=table.name,
        limit=limit,
        window=table.window,
        timezone=check_zone(table.timezone, where) or _DEFAULT.timezone,
        week_start=_DEFAULT.week_start if table.week_start is None else WEEKDAYS.index(table.week_start),
        month_start=_DEFAULT.month_start if table.month_start is None else month_start(table.month_start, where),
        levels=table.levels,
        at_limit=table.at_limit,
        counts=table.counts,
        owner=table.owner or "",
    )
