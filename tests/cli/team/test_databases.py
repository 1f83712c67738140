"""What those do who keep a team's database: what is asked of it, and of whom it is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.support import Cli
from tests.cli.team.conftest import FakeDaemon
from tokenguard.records.teams import TeamBudget, TeamPolicy

admin = pytest.importorskip("tokenguard.team.postgres.admin")

DATABASE = "host=db.example.com dbname=tokenguard"
USD = 10**9


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, cli: Cli, daemon: FakeDaemon, repo: Path) -> list[tuple[Any, ...]]:
    """What is asked of the database of the team that the repository names."""
    found: list[tuple[Any, ...]] = []

    def answering(name: str, answer: object) -> None:
        def do(dsn: str, *args: Any, **named: Any) -> object:
            assert "host=db.example.com" in dsn and "user=postgres" in dsn and "connect_timeout=3" in dsn
            found.append((name, *args, named))
            return answer

        monkeypatch.setattr(admin, name, do)

    total = SimpleNamespace(
        budget=TeamBudget("month", 550 * USD), spent=41 * USD, held=0, presumed=0, overrun=0, free=509 * USD
    )
    for name, answer in {
        **{"init_db": ["0001"], "create_team": None, "add_member": True, "remove_member": None},
        **{"change": total, "write_off": 3 * USD, "totals": [total]},
    }.items():
        answering(name, answer)
    assert cli("team", "init", "web", "--limit", "500", "--backend", "postgres", "--database", DATABASE).code == 0
    return found


AS = ("--login", "user=postgres")


def test_the_database_is_made(cli: Cli, asked: list[tuple[Any, ...]]) -> None:
    assert cli("team", "init-db", *AS, "--organisation", "acme").out.startswith("Applied to the database: 0001.\n")
    (first, second) = asked
    assert first[0] == "init_db" and second[0] == "create_team"
    assert isinstance(second[1], TeamPolicy) and second[1].budgets[0].limit == 500 * USD and second[2] == "acme"
    assert second[-1] == {"keep_s": None}
    cli("team", "init-db", *AS, "--keep", "30")
    assert asked[-1][-1] == {"keep_s": 30 * 86_400}
    assert cli("team", "init-db", *AS, "--json").document == {"team": "web", "migrations": ["0001"]}


def test_roles_take_part_and_do_so_no_more(cli: Cli, asked: list[tuple[Any, ...]], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\nmore\n")
    options = ["--limit", "100", "--window", "week", "--admin", "--password-file", str(tmp_path / "password")]
    outcome = cli("team", "add", "ann", *options, *AS)
    assert "ann can take part in web, and is a new role of the database." in outcome.out and "secret" not in outcome.out
    assert asked == [("add_member", "web", "ann", 100 * USD, {"window": "week", "admin": True, "password": "secret"})]
    assert cli("team", "remove", "ann", *AS).out == "ann gets nothing more of web.\n"
    assert asked[1] == ("remove_member", "web", "ann", {})


def test_limits_are_changed_by_whoever_keeps_the_database(cli: Cli, asked: list[tuple[Any, ...]]) -> None:
    options = ["--amount", "50", "--reason", "release", *AS]
    assert cli("team", "raise", "month", *options).out == "web: month is $550.00 now, $41.00 of it spent\n"
    assert cli("team", "lower", "month", *options, "--json").document["limit"] == 550 * USD
    assert [one[1:4] for one in asked] == [("web", "month", 50 * USD), ("web", "month", -50 * USD)]


def test_what_is_lost_is_written_off(cli: Cli, asked: list[tuple[Any, ...]]) -> None:
    assert cli("team", "write-off", "--reason", "x", *AS).code == 2
    assert cli("team", "write-off", "--role", "ann", "--lease", "1", "--reason", "x", *AS).code == 2
    assert asked == []
    outcome = cli("team", "write-off", "--role", "ann", "--reason", "lost", *AS)
    assert outcome.out == "$3.00 of web can be spent by others.\n"
    assert asked == [("write_off", "web", {"member": "ann", "lease": "", "reason": "lost"})]


def test_a_pipeline_reads_the_totals(cli: Cli, asked: list[tuple[Any, ...]]) -> None:
    assert cli("ci", "check", "--team", *AS).out == "team:web/month: $41.00 of $550.00, 7%\n"


def test_nothing_is_asked_of_a_database_that_nobody_agreed_to(
    cli: Cli, asked: list[tuple[Any, ...]], repo: Path
) -> None:
    file = repo / "tokenguard.toml"
    file.write_text(file.read_text().replace("db.example.com", "elsewhere.example.com"))
    outcome = cli("team", "add", "ann", *AS)
    assert outcome.code == 2 and "nobody agreed to what this repository says of its team" in outcome.err
    assert asked == []


def test_git_has_no_database_to_keep(cli: Cli, daemon: FakeDaemon, repo: Path) -> None:
    cli("team", "init", "web", "--limit", "5")
    assert "shared through git" in cli("team", "init-db", *AS).err
