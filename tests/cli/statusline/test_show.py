"""`tokenguard statusline`, as Claude Code runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.support import Cli
from tests.support.waiting import until
from tokenguard import client
from tokenguard.cli import main
from tokenguard.cli.statusline.setting_up import SCRIPT
from tokenguard.config.paths import find_paths

LIMITS = {"five_hour": {"used_percentage": 71.5, "resets_at": int(time.time()) + 4000}}
PROGRAM = [sys.executable, "-m", "tokenguard", "statusline"]


def run(home: Path, stdin: bytes, *options: str, **env: str) -> str:
    """What it prints; it must not fail, nor say anything else."""
    variables = {**os.environ, "TOKENGUARD_HOME": str(home), **env}
    done = subprocess.run([*PROGRAM, *options], input=stdin, env=variables, capture_output=True, check=True, timeout=30)
    assert done.stderr == b""
    return done.stdout.decode()


def printed(script: Path) -> str:
    return subprocess.run([script, "tmux"], capture_output=True, text=True, check=True, timeout=30).stdout


def test_without_a_daemon_none_is_started(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run(home, json.dumps({"rate_limits": LIMITS}).encode()).startswith("tokenguard is not running · 5h 71%")
    assert not home.exists()


@pytest.mark.parametrize("kind", ["plain", "tmux", "nvim"])
def test_without_a_daemon_a_bar_shows_nothing_and_starts_none(tmp_path: Path, kind: str) -> None:
    home = tmp_path / "home"
    assert run(home, b"", "--format", kind) == ""
    assert not home.exists()


def test_without_a_daemon_a_program_is_told_so(tmp_path: Path) -> None:
    assert json.loads(run(tmp_path, b"", "--format", "json"))["running"] is False


def test_the_stdin_of_others_is_left_alone(tmp_path: Path) -> None:
    env = {**os.environ, "TOKENGUARD_HOME": str(tmp_path)}
    reading, writing = os.pipe()
    try:
        done = subprocess.run([*PROGRAM, "--format", "plain"], stdin=reading, env=env, timeout=30, check=True)
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == 0, "it would wait for ever for what nobody writes"


@pytest.mark.parametrize(
    "stdin", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"rate_limits":', b"[" * 100_000, b"1e999"]
)
def test_an_odd_stdin_prints_a_line_all_the_same(tmp_path: Path, stdin: bytes) -> None:
    assert run(tmp_path, stdin) == "tokenguard is not running\n"


def test_a_broken_home_prints_a_line_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "daemon.sock").mkdir()
    assert run(tmp_path, b"{}") == "tokenguard is not running\n"


def test_a_closed_stdin_and_stdout_are_no_failure(tmp_path: Path) -> None:
    command = [*PROGRAM[:-1], "statusline"]
    script = f"{' '.join(command)} <&- >&-"
    env = {**os.environ, "TOKENGUARD_HOME": str(tmp_path)}
    done = subprocess.run(["sh", "-c", script], env=env, stderr=subprocess.PIPE, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_daemon_is_told_and_asked(cli: Cli, home: Path, tmp_path: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(
        "[daemon]\nport = 0\nfollow_logs = false\n"
        '[[budget]]\nname = "plan"\nlimit = "90%"\nofficial = "anthropic/five_hour"\n'
    )
    assert main(["daemon", "start"]) == 0
    try:
        shown = run(home, json.dumps({"rate_limits": LIMITS}).encode())
        assert shown.startswith("$0.00 today · plan 72% of 90% warn · 5h 71% until ")
        assert run(home, b"nonsense") == shown
        assert run(home, b"", "--format", "claude") == shown
        assert run(home, b"", "--format", "plain") == shown
        assert "#[fg=yellow]plan 72% of 90% warn#[default]" in run(home, b"", "--format", "tmux")
        assert "%#TokenguardWarn#plan 72%% of 90%% warn%*" in run(home, b"", "--format", "nvim")
        document = json.loads(run(home, b"", "--format", "json"))
        assert (document["level"], document["budget"]["label"]) == ("warn", "plan")
        daemon = client.find(find_paths({"TOKENGUARD_HOME": str(home)}))
        assert daemon is not None
        assert main(["statusline", "--setup", "tmux"]) == 0
        script = home / "hooks" / "bars" / SCRIPT
        until(lambda: printed(script), "the daemon has written the line")
        assert printed(script) == run(home, b"", "--format", "tmux")
        (window,) = daemon.get("/v1/status")["windows"]
        assert (window["provider"], window["name"], window["used_percent"]) == ("anthropic", "five_hour", 71.5)
    finally:
        assert main(["daemon", "stop", "--now"]) == 0
    assert printed(script) == ""
    assert [file.name for file in script.parent.iterdir()] == [SCRIPT]


def test_the_command_with_help_is_an_ordinary_one(cli: Cli) -> None:
    outcome = cli("statusline", "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert '"command": "tokenguard statusline"' in outcome.out


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [([], "tokenguard is not running\n"), (["--format", "tmux"], ""), (["--format", "json"], "{")],
)
def test_it_imports_little(arguments: list[str], shown: str) -> None:
    program = (
        "import io, sys; from tokenguard import client, cli;"
        "client.find = lambda paths, timeout: None; sys.stdin = io.TextIOWrapper(io.BytesIO(b'{}'));"
        f"assert cli.main(['statusline', *{arguments}]) == 0; print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(shown)
    heavy = {"click", "httpx2", "textual", "aiohttp", "rich", "asyncio", "sqlite3", "psutil", "ssl", "subprocess"}
    assert not set(done.stderr.split()) & heavy
