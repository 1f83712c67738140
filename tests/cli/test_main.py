"""Exit codes, stdout and stderr: what holds for every command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from tests.cli.support import Cli
from tokenguard import __version__
from tokenguard.cli import commands
from tokenguard.errors import ConfigError, DaemonError, UsageError

Raise = Callable[[BaseException], None]


@pytest.fixture
def let_status_raise(monkeypatch: pytest.MonkeyPatch) -> Raise:
    """Makes `tokenguard status [--json]` raise the given exception."""

    def prepare(error: BaseException) -> None:
        @click.command()
        @click.option("--json", "as_json", is_flag=True)
        def status(as_json: bool) -> None:
            raise error

        def imported(name: str) -> SimpleNamespace:
            return SimpleNamespace(status=status)

        monkeypatch.setattr(commands, "import_module", imported)

    return prepare


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("no such thing", "use another"), 2, "no such thing; use another"),
        (ConfigError("config.toml: broken", "mend it"), 3, "config.toml: broken; mend it"),
        (DaemonError("it is gone"), 3, "it is gone"),
        (DaemonError("one\ntwo", "three"), 3, "one two; three"),
        (click.UsageError("Not like this."), 2, "not like this; tokenguard status --help shows how"),
        (click.ClickException("URL is bad."), 1, "URL is bad"),
        (
            FileNotFoundError(2, "No such file or directory"),
            2,
            "the current folder does not exist any more; change to one that does",
        ),
        (ValueError("boom"), 3, "internal error: ValueError: boom; TOKENGUARD_DEBUG=1 shows where; please report it"),
        (ValueError(), 3, "internal error: ValueError; TOKENGUARD_DEBUG=1 shows where; please report it"),
    ],
)
def test_an_error_is_one_line(cli: Cli, let_status_raise: Raise, error: Exception, code: int, line: str) -> None:
    let_status_raise(error)
    outcome = cli("status")
    assert (outcome.code, outcome.err) == (code, f"tokenguard: {line}\n")


def test_an_error_keeps_stdout_json(cli: Cli, let_status_raise: Raise) -> None:
    let_status_raise(DaemonError("it is gone", "start it"))
    outcome = cli("status", "--json")
    assert outcome.document == {"error": {"message": "it is gone", "hint": "start it", "exit_code": 3}}
    assert outcome.err == "tokenguard: it is gone; start it\n"


def test_wrong_usage_keeps_stdout_json(cli: Cli) -> None:
    outcome = cli("budget", "list", "--json", "--bogus")
    assert outcome.code == 2
    assert outcome.document["error"]["message"] == "no such option '--bogus'"
    assert outcome.err.startswith("tokenguard: no such option '--bogus'; ")


def test_debug_shows_the_traceback(cli: Cli, let_status_raise: Raise, monkeypatch: pytest.MonkeyPatch) -> None:
    let_status_raise(ValueError("boom"))
    monkeypatch.setenv("TOKENGUARD_DEBUG", "1")
    assert "Traceback (most recent call last):" in cli("status").err


def test_ctrl_c_is_quiet(cli: Cli, let_status_raise: Raise) -> None:
    let_status_raise(KeyboardInterrupt())
    outcome = cli("status")
    assert (outcome.code, outcome.err) == (130, "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["claude"], "no such command 'claude'; tokenguard --help shows how"),
        (["repor"], "no such command 'repor'. Did you mean 'report'?; tokenguard --help shows how"),
        (["--bogus"], "no such option '--bogus'; tokenguard --help shows how"),
        (["budget", "sett"], "no such command 'sett'. Did you mean 'set'?; tokenguard budget --help shows how"),
        (["completion", "ksh"], "invalid value for 'SHELL'"),
    ],
)
def test_wrong_usage(cli: Cli, arguments: list[str], line: str) -> None:
    outcome = cli(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"tokenguard: {line}")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("group", [[], ["budget"]])
def test_a_group_alone_shows_its_help_beside_the_result(cli: Cli, group: list[str]) -> None:
    outcome = cli(*group)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Usage: tokenguard")


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"tokenguard {__version__}\n"


def test_windows_points_to_wsl(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    outcome = cli("status")
    assert (outcome.code, outcome.out) == (3, "")
    assert "WSL" in outcome.err


def test_a_process_does_not_look_for_cycles_among_what_it_imports_nor_when_it_ends() -> None:
    # What is to be called at the end is called in reverse.
    code = "import atexit, gc; atexit.register(lambda: print(gc.isenabled(), gc.get_objects()))"
    command = [sys.executable, "-c", f"{code}; from tokenguard import cli; cli.main()", "--version"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == f"tokenguard {__version__}\nTrue []\n"


def test_a_reader_that_leaves_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tokenguard", "completion", "zsh"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["completion zsh", "report --help", "budget list --json"])
def test_a_result_that_cannot_be_written_is_an_error_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: str, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("w") as full:
        done = started(command, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert done.stderr.startswith("tokenguard: what it says cannot be written: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("command", ["statusline", "statusline --format json", "frob"])
def test_nobody_is_told_where_nothing_can_be_written(home: Path, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = started(command, stdout=full, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    assert done.returncode == (2 if command == "frob" else 0)


@pytest.mark.parametrize(("closed", "command", "code"), [(1, "completion zsh", 0), (2, "frob", 2), (0, "--version", 0)])
def test_a_stream_that_the_caller_has_closed_is_no_error(home: Path, closed: int, command: str, code: int) -> None:
    done = started(command, preexec_fn=lambda: os.close(closed), stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (code, "")


def started(command: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", "tokenguard", *command.split()]
    return subprocess.run(given, text=True, check=False, **streams)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is gone."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()


@pytest.mark.parametrize("command", ["status", "budget list", "report", "prices check"])
def test_what_has_nothing_to_do_with_the_current_folder_works_where_it_is_gone(
    cli: Cli, nowhere: None, command: str
) -> None:
    assert cli(*command.split()).code == 0


@pytest.mark.parametrize("command", ["trust", "hooks status", "env --write vscode --workspace"])
def test_what_needs_it_says_that_it_is_gone(cli: Cli, nowhere: None, command: str) -> None:
    outcome = cli(*command.split())
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "internal" not in outcome.err


def test_an_option_without_its_argument_leads_to_the_help(cli: Cli) -> None:
    said = "tokenguard: option '--range' requires an argument; the same with --help shows how\n"
    assert cli("report", "--range").err == said
