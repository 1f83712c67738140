"""`tokenguard budget`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.support import Cli
from tokenguard.config.paths import find_paths
from tokenguard.config.settings import load
from tokenguard.records import Budget, Unit

HAND_WRITTEN = '[[budget]]\nname = "mine"\nlimit = "$3"\nwindow = "day"\n'


def stored(home: Path) -> tuple[Budget, ...]:
    return load(find_paths({"TOKENGUARD_HOME": str(home)})).budgets


def test_set_writes_what_the_configuration_reads(cli: Cli, home: Path) -> None:
    options = ["--limit", "20", "--window", "day", "--scope", "repo", "--match", "model=claude-*"]
    options += ["--levels", "10,20,30", "--at-limit", "warn", "--mode", "strict", "--timezone", "Europe/Berlin"]
    outcome = cli("budget", "set", "web", *options)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "web: $20.00, scope repo, window day, model claude-*\n"
    assert stored(home) == (
        Budget(
            name="web",
            limit=20_000_000_000,
            scope="repo",
            window="day",
            timezone="Europe/Berlin",
            match=(("model", "claude-*"),),
            levels=(10, 20, 30),
            at_limit="warn",
            mode="strict",
            source=str(home / "budgets.toml"),
        ),
    )


def test_set_changes_only_what_is_given(cli: Cli, home: Path) -> None:
    cli("budget", "set", "one", "--limit", "20", "--window", "day", "--match", "model=x*")
    cli("budget", "set", "two", "--limit", "300 calls", "--window", "month")
    assert cli("budget", "set", "one", "--limit", "2M tokens").code == 0
    one, two = stored(home)
    assert (one.limit, one.unit, one.window, one.match) == (2_000_000, Unit.TOKENS, "day", (("model", "x*"),))
    assert (two.limit, two.unit, two.window) == (300, Unit.CALLS, "month")


def test_a_zero_that_is_meant_is_kept(cli: Cli, home: Path) -> None:
    assert cli("budget", "set", "none", "--limit", "0", "--window", "day").code == 2
    assert not (home / "budgets.toml").exists()
    assert cli("budget", "set", "none", "--limit", "0", "--window", "day", "--yes").code == 0
    assert stored(home)[0].limit == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["x"], 'budget "x": --limit is missing; such as --limit 20'),
        (["x", "--limit", "20"], "window is missing"),
        (["x", "--limit", ""], "a shell turns an unquoted $5 into nothing"),
        (["x", "--limit", "20", "--window", "session"], 'window "session" needs scope "session"'),
        (["x", "--limit", "20", "--window", "fortnight"], "'fortnight' is not one of"),
        (["a b", "--limit", "20", "--window", "day"], "letters, digits, dot, dash or underscore"),
        (["x", "--limit", "20", "--window", "day", "--levels", "9,5,1"], "levels must rise"),
        (["x", "--limit", "20", "--window", "day", "--levels", "low"], "'low' is not a list of percents"),
        (["x", "--limit", "20", "--window", "day", "--match", "colour=red"], "FIELD is one of agent, branch"),
        (["x", "--limit", "20", "--window", "day", "--match", "model"], "is not FIELD=GLOB"),
        (["x", "--limit", "20", "--window", "day", "--timezone", "Mars"], 'timezone "Mars" is not known'),
    ],
)
def test_set_names_what_is_wrong_and_writes_nothing(cli: Cli, home: Path, options: list[str], message: str) -> None:
    outcome = cli("budget", "set", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (home / "budgets.toml").exists()


def test_remove(cli: Cli, home: Path) -> None:
    cli("budget", "set", "one", "--limit", "20", "--window", "day")
    cli("budget", "set", "two", "--limit", "20", "--window", "day")
    assert cli("budget", "remove", "one").out == "one is removed.\n"
    assert [budget.name for budget in stored(home)] == ["two"]


def test_remove_tells_what_there_is(cli: Cli) -> None:
    cli("budget", "set", "one", "--limit", "20", "--window", "day")
    outcome = cli("budget", "remove", "oen")
    assert (outcome.code, outcome.err) == (2, 'tokenguard: there is no budget "oen"; set by command: one\n')


@pytest.mark.parametrize("command", [["set", "mine", "--limit", "5"], ["remove", "mine"]])
def test_hand_written_budgets_are_changed_by_hand(cli: Cli, home: Path, command: list[str]) -> None:
    home.mkdir()
    file = home / "config.toml"
    file.write_text(HAND_WRITTEN)
    outcome = cli("budget", *command)
    assert outcome.code == 2
    assert outcome.err == f'tokenguard: budget "mine" is written by hand; change it in {file}\n'
    assert file.read_text() == HAND_WRITTEN


def test_list_shows_where_each_is_set(cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "config.toml").write_text(HAND_WRITTEN)
    cli("budget", "set", "team", "--limit", "300 calls", "--window", "month", "--scope", "agent")
    repo = tmp_path / "web"
    subprocess.run(["git", "init", "--quiet", str(repo)], check=True)
    (repo / "tokenguard.toml").write_text('[[budget]]\nname = "ours"\nlimit = "$1"\nwindow = "day"\n')
    monkeypatch.chdir(repo)

    listed = cli("budget", "list").out.splitlines()
    assert listed[0].split() == ["NAME", "SCOPE", "WINDOW", "LIMIT", "AT", "LIMIT", "MATCH", "SET", "IN"]
    assert listed[1].split() == ["mine", "global", "day", "$3.00", "refuse", str(home / "config.toml")]
    assert listed[2].split() == ["team", "agent", "month", "300", "calls", "refuse", str(home / "budgets.toml")]
    assert listed[3].split() == [
        "ours",
        "global",
        "day",
        "$1.00",
        "refuse",
        f"repo={repo}",
        str(repo / "tokenguard.toml"),
    ]

    told = cli("budget", "list", "--json").document["budgets"]
    assert [(one["name"], one["unit"], one["limit"]) for one in told] == [
        ("mine", "usd", 3_000_000_000),
        ("team", "calls", 300),
        ("ours", "usd", 1_000_000_000),
    ]
    assert told[2]["match"] == {"repo": str(repo)}


def test_an_empty_list_says_how_to_begin(cli: Cli) -> None:
    assert "tokenguard budget set" in cli("budget", "list").out
    assert cli("budget", "list", "--json").document == {"budgets": []}


def test_a_broken_file_is_named(cli: Cli, home: Path) -> None:
    home.mkdir()
    (home / "budgets.toml").write_text("[[budget]\n")
    outcome = cli("budget", "list", "--json")
    assert outcome.code == 3
    assert outcome.err.startswith("tokenguard: budgets.toml: ")
    assert "error" in outcome.document
