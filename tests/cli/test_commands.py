"""The table of commands, their help, and what starting the program imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.support import Cli, every_command
from tokenguard.cli.commands import COMMANDS


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_help_has_a_summary_and_an_example_of_itself(cli: Cli, words: list[str]) -> None:
    outcome = cli(*words, "--help")
    assert outcome.code == 0
    named = " ".join(["tokenguard", *words])
    assert outcome.out.startswith(f"Usage: {named}")
    _, heading, shown = outcome.out.partition("Example")
    assert heading
    assert all(line.startswith(f"    {named} ") or line == f"    {named}" for line in shown.splitlines()[1:])


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_short_help_is_the_same(cli: Cli, words: list[str]) -> None:
    assert cli(*words, "-h").out == cli(*words, "--help").out


def test_the_list_says_what_each_command_does(cli: Cli) -> None:
    listed = cli("--help").out
    for name, entry in COMMANDS.items():
        assert f"  {name} " in listed
        assert entry.summary in listed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_program(cli: Cli, shell: str) -> None:
    outcome = cli("completion", shell)
    assert outcome.code == 0
    assert "_TOKENGUARD_COMPLETE" in outcome.out


def test_completion_completes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TOKENGUARD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "tokenguard budget s")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert cli().out == "plain,set\n"


def test_help_imports_no_command_and_nothing_heavy() -> None:
    program = "import sys, tokenguard.cli; tokenguard.cli.main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "tokenguard.cli.commands" in loaded
    assert not loaded & {"aiohttp", "rich", "asyncio", "sqlite3", "psutil", "platformdirs", "http.client"}
    assert not {f"tokenguard.cli.{entry.where.partition(':')[0]}" for entry in COMMANDS.values()} & loaded


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("report", {"aiohttp", "asyncio", "logging", "socket", "tokenguard.prices"}),
        ("advise", {"aiohttp", "asyncio", "ssl"}),
        ("resting", {"aiohttp"}),
    ],
)
def test_commands_that_only_read_the_ledger_do_not_import_what_needs_a_network(module: str, unneeded: set[str]) -> None:
    code = f"import sys, tokenguard.cli.program, tokenguard.cli.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert unneeded.isdisjoint(done.stdout.split())
