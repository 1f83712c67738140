"""`tokenguard run`: what is tokenguard's, and what is the agent's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli
from tokenguard import launch
from tokenguard.errors import UsageError
from tokenguard.launch import LaunchOptions


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[LaunchOptions]:
    """What would have been launched; the agent's exit code is 7."""
    seen: list[LaunchOptions] = []

    def run(options: LaunchOptions) -> int:
        seen.append(options)
        return 7

    monkeypatch.setattr(launch, "run", run)
    return seen


def test_the_agents_exit_code_is_ours(cli: Cli, launched: list[LaunchOptions]) -> None:
    outcome = cli("run", "claude")
    assert (outcome.code, outcome.out, outcome.err) == (7, "", "")
    assert launched == [LaunchOptions(agent="claude")]


def test_all_options(cli: Cli, launched: list[LaunchOptions]) -> None:
    options = ["--budget", "0.50", "--task", "login", "--label", "team=web", "--label", "empty=", "--quiet"]
    cli("run", *options, "--summary", "cost.json", "codex", "exec")
    assert launched == [
        LaunchOptions(
            agent="codex",
            args=("exec",),
            budget="$0.5",
            task="login",
            labels=(("team", "web"), ("empty", "")),
            summary=Path("cost.json"),
            quiet=True,
        )
    ]


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["-h"],
        ["--version"],
        ["--budget", "5"],
        ["-p", "x", "--", "y", "--json"],
        ["--", "--"],
        ["", "a b", "--x=1"],
    ],
)
@pytest.mark.parametrize("separator", [[], ["--"]])
def test_what_follows_the_agent_is_the_agents(
    cli: Cli, launched: list[LaunchOptions], separator: list[str], args: list[str]
) -> None:
    assert cli("run", *separator, "claude", *args).code == 7
    assert launched[0] == LaunchOptions(agent="claude", args=tuple(args))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing argument 'AGENT'"),
        (["--budget", "claude"], "a shell turns an unquoted $5 into nothing"),
        (["--budget", "", "claude"], "a shell turns an unquoted $5 into nothing"),
        (["--budget", "0", "claude"], "add --yes if 0 is meant"),
        (["--label", "team", "claude"], "'team' is not KEY=VALUE"),
        (["--label", "=web", "claude"], "'=web' is not KEY=VALUE"),
        (["--summary", ".", "claude"], "is a directory"),
        (["--bogus", "claude"], "no such option '--bogus'"),
    ],
)
def test_wrong_usage_starts_nothing(
    cli: Cli, launched: list[LaunchOptions], arguments: list[str], message: str
) -> None:
    outcome = cli("run", *arguments)
    assert (outcome.code, outcome.out, launched) == (2, "", [])
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_zero_that_is_meant(cli: Cli, launched: list[LaunchOptions]) -> None:
    assert cli("run", "--budget", "0", "--yes", "claude").code == 7
    assert launched[0].budget == "$0"


def test_what_keeps_the_agent_from_starting_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(options: LaunchOptions) -> int:
        raise UsageError(f"{options.agent}: command not found", "check the spelling")

    monkeypatch.setattr(launch, "run", run)
    outcome = cli("run", "cluade")
    assert (outcome.code, outcome.err) == (2, "tokenguard: cluade: command not found; check the spelling\n")


def test_known_agents_are_completed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TOKENGUARD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "tokenguard run cla")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert cli().out == "plain,claude\n"
