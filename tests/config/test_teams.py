"""`[team]` of a repository: what is taken, what is refused with its key, and what trust is bound to."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tokenguard.config.budgets import read_repository_budgets
from tokenguard.config.teams import fingerprint_of, read_team_policy
from tokenguard.errors import ConfigError
from tokenguard.policy.money import NANOS
from tokenguard.records.teams import TeamBudget, TeamPolicy

SALT = "0123456789abcdef"
SHARED = f'name = "web"\nsalt = "{SALT}"\n'
RIGHTS = f'{SHARED}mode = "rights"\ntreasurer = "a1b2/c3d4"\n'
POSTGRES = 'name = "web"\nbackend = "postgres"\ndatabase = "host=db.example.com dbname=tokenguard"\n'
MONTH = '[[team.budget]]\nname = "month"\nlimit = "$500"\n'


def read(folder: Path, settings: str, budget: str = MONTH) -> TeamPolicy:
    (folder / "tokenguard.toml").write_text(f"[team]\n{settings}\n{budget}", encoding="utf-8")
    found = read_team_policy(folder)
    assert found is not None
    return found


def refusal(folder: Path, settings: str, budget: str = MONTH) -> str:
    with pytest.raises(ConfigError) as raised:
        read(folder, settings, budget)
    return str(raised.value)


def test_a_repository_without_a_team_has_none(tmp_path: Path) -> None:
    assert read_team_policy(tmp_path) is None
    (tmp_path / "tokenguard.toml").write_text('[hooks]\npush = "block"\n')
    assert read_team_policy(tmp_path) is None


def test_the_least_that_can_be_said(tmp_path: Path) -> None:
    budget = TeamBudget("month", 500 * NANOS, "month", "UTC")
    assert read(tmp_path, SHARED) == TeamPolicy("web", "git", "shared", (budget,), salt=SALT)


def test_all_that_can_be_said_of_a_git_team(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        f'{RIGHTS}remote = "git@example.com:acme/budgets.git"\nunreachable = "warn"\n',
        '[[team.budget]]\nname = "q"\nlimit = 1200.5\nwindow = "quarter"\ntimezone = "Europe/Berlin"\nmonth_start = 3\n'
        'levels = [10, 20, 30]\nat_limit = "hold"\ncounts = "all"\n'
        '[[team.budget]]\nname = "w"\nlimit = "$20"\nwindow = "week"\nweek_start = "sunday"\n',
    )
    quarter = TeamBudget(
        "q", 1_200_500_000_000, "quarter", "Europe/Berlin", 0, 3, (10, 20, 30), at_limit="hold", counts="all"
    )
    assert found == TeamPolicy(
        "web",
        "git",
        "rights",
        (quarter, TeamBudget("w", 20 * NANOS, "week", week_start=6)),
        remote="git@example.com:acme/budgets.git",
        treasurer="a1b2/c3d4",
        salt=SALT,
        unreachable="warn",
    )
    assert found.hard


def test_all_that_can_be_said_of_a_database(tmp_path: Path) -> None:
    found = read(tmp_path, f'{POSTGRES}mode = "leases"\nrepository = "acme.shop"\n', "")
    expected = TeamPolicy(
        "web", "postgres", "leases", database="host=db.example.com dbname=tokenguard", repository="acme.shop"
    )
    assert found == expected and found.hard


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ('salt = "x"', "missing required field `name`"),
        (f'name = "Web"\nsalt = "{SALT}"', 'team: name "Web" is not taken; use up to 40 of a-z, 0-9, dash'),
        (f'name = "../x"\nsalt = "{SALT}"', "is not taken"),
        ('name = "web"', "team: salt must be 16 to 128 letters and digits; tokenguard team init writes one"),
        (f'{SHARED}backend = "redis"', 'team: backend "redis" is not known; use one of git, postgres'),
        (f'{SHARED}mode = "leases"', 'team: mode "leases" is not known; use one of shared, rights'),
        (f'{SHARED}mode = "rights"', "team: treasurer is missing"),
        (f'{SHARED}treasurer = "a/b"', "team: treasurer means nothing here"),
        (f'{SHARED}mode = "rights"\ntreasurer = "ann"', 'treasurer "ann" is not a machine of a member'),
        (f'{SHARED}unreachable = "open"', 'team: unreachable "open" is not known; use one of refuse, warn'),
        (f'{SHARED}database = "host=db"', 'team: database means nothing here; it needs backend = "postgres"'),
        (f'{SHARED}limit = "5"', 'unknown key "limit"; accepted are name, backend, mode, remote, treasurer, salt'),
        (f'{POSTGRES}salt = "{SALT}"', 'team: salt means nothing here; it needs backend = "git"'),
        (f'{POSTGRES}mode = "rights"', 'team: mode "rights" is not known; use one of leases'),
        (f'{POSTGRES}repository = "a b"', 'team: repository "a b" is not taken'),
        (f'{POSTGRES}repository = "a/../../b"', 'team: repository "a/../../b" is not taken'),
        ('name = "web"\nbackend = "postgres"', "team: database is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(tmp_path: Path, settings: str, error: str) -> None:
    assert error in (said := refusal(tmp_path, settings)) and "tokenguard.toml" in said


@pytest.mark.parametrize(
    ("budget", "error"),
    [
        ("", "team: there is no limit in it"),
        ('[[team.budget]]\nlimit = "$5"', "budget 1: object missing required field `name`"),
        ('[[team.budget]]\nname = "a b"\nlimit = "$5"', 'budget "a b": name: it must be letters'),
        (MONTH + MONTH, 'budget "month": the name is used twice'),
        ('[[team.budget]]\nname = "m"\nlimit = "2M tokens"', 'limit "2M tokens" is not in dollars'),
        ('[[team.budget]]\nname = "m"\nlimit = "20 euro"', 'limit "20 euro" is not an amount'),
        ('[[team.budget]]\nname = "m"\nlimit = 0', "limit is zero, which refuses every call"),
        (f'{MONTH}window = "rolling 5h"', 'window "rolling 5h" is not known; use one of day, week, month, quarter'),
        (f'{MONTH}window = "session"', 'window "session" is not known'),
        (f'{MONTH}timezone = "Mars/Dune"', 'timezone "Mars/Dune" is not known'),
        (f'{MONTH}week_start = "friday"', "week_start means nothing here; it needs a window of week"),
        (f'{MONTH}window = "week"\nweek_start = "caturday"', 'week_start "caturday" is not known'),
        (f'{MONTH}window = "day"\nmonth_start = 3', "month_start means nothing here"),
        (f"{MONTH}month_start = 31", "month_start 31 is not a day of every month"),
        (f"{MONTH}levels = [90, 50, 75]", "levels must rise"),
        (f'{MONTH}at_limit = "downgrade"', 'at_limit "downgrade" is not known; use one of refuse, hold, warn'),
        (f'{MONTH}counts = "tokens"', 'counts "tokens" is not known'),
        (f'{MONTH}scope = "team"', 'unknown key "scope"; accepted are name, limit, window'),
        ("".join(MONTH.replace("month", f"m{n}") for n in range(21)), "a team can have 20 budgets, not 21"),
    ],
)
def test_what_is_wrong_with_a_limit_is_named_with_its_key(tmp_path: Path, budget: str, error: str) -> None:
    assert error in refusal(tmp_path, SHARED, budget)


def test_a_limit_in_a_database_can_be_somebody_else_s(tmp_path: Path) -> None:
    def owned(owner: str) -> str:
        return f'{MONTH}owner = "{owner}"'

    assert read(tmp_path, POSTGRES, owned("org:acme")).budgets[0].owner == "org:acme"
    assert read(tmp_path, POSTGRES, owned("repo:shop")).budgets[0].owner == "repo:shop"
    assert 'owner "acme" is not taken; use org:NAME or repo:NAME' in refusal(tmp_path, POSTGRES, owned("acme"))
    assert "owner means nothing here" in refusal(tmp_path, SHARED, owned("org:acme"))


def test_a_limit_that_only_warns_is_not_hard(tmp_path: Path) -> None:
    warns = f'{MONTH}at_limit = "warn"'
    assert read(tmp_path, SHARED, warns).budgets[0].at_limit == "warn"
    assert 'use refuse or hold, or mode = "shared"' in refusal(tmp_path, RIGHTS, warns)


def test_the_file_is_somebody_else_s(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text(f"[team]\n{SHARED}{MONTH}")
    (tmp_path / "tokenguard.toml").symlink_to(tmp_path / "real.toml")
    with pytest.raises(ConfigError, match="symbolic link"):
        read_team_policy(tmp_path)


@pytest.mark.parametrize("team", [f"[team]\n{SHARED}{MONTH}", "[team]\nnonsense = 1\n", "team = 3\n"])
def test_a_repository_s_own_limits_hold_whatever_it_says_of_a_team(tmp_path: Path, team: str) -> None:
    own = '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n'
    (tmp_path / "tokenguard.toml").write_text(team + own)
    assert [budget.name for budget in read_repository_budgets(tmp_path, "/src/web")] == ["day"]


def test_trust_is_bound_to_what_is_meant(tmp_path: Path) -> None:
    first = read(tmp_path, SHARED)
    assert fingerprint_of(first) == fingerprint_of(read(tmp_path, f'# ours\n{SHARED}remote="origin"\n', f"\n{MONTH}"))
    others = [
        msgspec.structs.replace(first, name="api"),
        msgspec.structs.replace(first, remote="upstream"),
        msgspec.structs.replace(first, unreachable="warn"),
        read(tmp_path, SHARED, MONTH.replace("500", "501")),
        read(tmp_path, RIGHTS),
        read(tmp_path, POSTGRES, ""),
    ]
    assert len({fingerprint_of(one) for one in (first, *others)}) == 1 + len(others)
