"""`tokenguard daemon`, with a daemon of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.support import Cli
from tokenguard import __version__, client
from tokenguard.client import Daemon
from tokenguard.config.paths import Paths, find_paths
from tokenguard.platforms import service
from tokenguard.platforms.shape import Service, Status


@pytest.fixture
def free_port(home: Path) -> Iterator[None]:
    """Lets daemons take any free port, and leaves none behind."""
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("[daemon]\nport = 0\nfollow_logs = false\n")
    yield
    running = client.find(find_paths({"TOKENGUARD_HOME": str(home)}))
    if running is not None:
        running.stop(now=True, timeout=10)


@pytest.mark.usefixtures("free_port")
def test_from_start_to_stop(cli: Cli) -> None:
    outcome = cli("daemon", "status")
    assert (outcome.code, outcome.out) == (1, "the daemon is not running\nservice: not installed\n")
    assert cli("daemon", "status", "--json").document == {"daemon": None, "service": None}

    first = cli("daemon", "start")
    assert first.code == 0
    assert cli("daemon", "start").out == first.out
    about = cli("daemon", "status", "--json").document["daemon"]
    assert first.out == f"the daemon runs: pid {about['pid']}, port {about['port']}, version {__version__}\n"
    assert cli("daemon", "status").out.startswith(first.out.rstrip("\n") + ", for ")
    assert cli("status", "--json").document["daemon"]["pid"] == about["pid"]

    assert f"pid {about['pid']}" in cli("daemon", "logs").out
    assert cli("daemon", "logs", "--lines", "0").out == ""

    assert cli("daemon", "stop").out == "the daemon has stopped\n"
    assert cli("daemon", "stop").out == "the daemon is not running\n"


@pytest.mark.usefixtures("free_port")
def test_a_running_daemon_takes_over_what_budget_commands_write(cli: Cli) -> None:
    cli("daemon", "start")
    assert cli("budget", "set", "day", "--limit", "20", "--window", "day").code == 0
    (standing,) = cli("status", "--json").document["budgets"]
    assert (standing["name"], standing["limit"]) == ("day", 20_000_000_000)

    raised = cli("budget", "raise", "day", "--amount", "5", "--reason", "release", "--ttl", "2h")
    assert (raised.code, raised.out, raised.err) == (0, "day: $0.00 of $25.00 for 2h\n", "")
    assert cli("status", "--json").document["budgets"][0]["limit"] == 25_000_000_000

    assert cli("budget", "remove", "day").code == 0
    assert cli("status", "--json").document["budgets"] == []


@pytest.mark.usefixtures("free_port")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nothing", "--amount", "5", "--reason", "why"], "there is no budget nothing; see tokenguard status"),
        (["day", "--amount", "5 calls", "--reason", "why"], "day counts usd, not calls; give the amount in its unit"),
        (["day", "--amount", "5", "--reason", " "], "a raise needs a reason; add --reason WHY"),
        (["day", "--amount", "5", "--reason", "why", "--ttl", "soon"], '"soon" is not a time; use 30m, 4h or 2d'),
    ],
)
def test_a_raise_that_makes_no_sense(cli: Cli, options: list[str], message: str) -> None:
    cli("budget", "set", "day", "--limit", "20", "--window", "day")
    outcome = cli("budget", "raise", *options)
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"tokenguard: {message}\n")


@pytest.mark.usefixtures("free_port")
def test_a_landing_reserve_is_given_out(cli: Cli) -> None:
    cli("budget", "set", "day", "--limit", "20", "--window", "day", "--landing", "10%")
    cli("budget", "set", "plain", "--limit", "20", "--window", "day")
    cli("daemon", "start")
    assert "landing $2.00 kept\n" in cli("status").out
    outcome = cli("budget", "land", "day", "--reason", "save")
    assert (outcome.code, outcome.out) == (0, "day: the $2.00 kept for landing can be spent; $20.00 left\n")
    assert "landing $2.00 open\n" in cli("status").out
    (landed,) = (one for one in cli("status", "--json").document["budgets"] if one["name"] == "day")
    assert (landed["landing"], landed["landing_released"], landed["remaining"]) == (2 * 10**9, True, 20 * 10**9)
    refused = cli("budget", "land", "plain")
    assert refused.code == 2
    assert refused.err.startswith("tokenguard: plain holds nothing back; ")


@pytest.mark.usefixtures("free_port")
def test_restart_is_another_process(cli: Cli) -> None:
    cli("daemon", "start")
    first = cli("daemon", "status", "--json").document["daemon"]["pid"]
    outcome = cli("daemon", "restart")
    assert (outcome.code, outcome.err) == (0, "")
    assert cli("daemon", "status", "--json").document["daemon"]["pid"] != first


def test_logs_before_there_are_any(cli: Cli, home: Path) -> None:
    outcome = cli("daemon", "logs")
    assert outcome.code == 3
    assert outcome.err.startswith(f"tokenguard: there is no log at {home}/daemon.log; ")


def test_logs_follow_a_log_that_is_rotated(home: Path) -> None:
    home.mkdir()
    file = home / "daemon.log"
    file.write_text("one\n")
    command = [sys.executable, "-m", "tokenguard", "daemon", "logs", "--follow"]
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        watchdog = threading.Timer(30, following.kill)
        watchdog.start()
        assert following.stdout.readline() == "one\n"
        with file.open("a") as log:
            log.write("two\n")
        assert following.stdout.readline() == "two\n"
        file.rename(home / "daemon.log.1")
        file.write_text("three\n")
        assert following.stdout.readline() == "three\n"
        following.send_signal(signal.SIGINT)
        assert following.wait() == 130
        watchdog.cancel()


def test_calls_that_do_not_end(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class Busy(Daemon):
        def __init__(self) -> None: ...

        def stop(self, *, now: bool = False, only_idle: bool = False, timeout: float) -> bool:
            asked.append(now)
            return now

    def find(paths: Paths) -> Daemon:
        return Busy()

    monkeypatch.setattr(client, "find", find)
    outcome = cli("daemon", "stop")
    assert (outcome.code, outcome.out) == (1, "")
    assert "--now cuts them off" in outcome.err
    assert cli("daemon", "restart").code == 1
    assert cli("daemon", "stop", "--now").code == 0
    assert asked == [False, False, True]


def test_install_and_uninstall(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []

    def installing(described: Service, env: object, state_dir: Path) -> None:
        done.append((described.port, described.home, state_dir))

    def uninstalling(env: object, state_dir: Path) -> None:
        done.append(state_dir)

    monkeypatch.setattr(service, "service_install", installing)
    monkeypatch.setattr(service, "service_uninstall", uninstalling)
    outcome = cli("daemon", "install")
    assert outcome.out == "installed: http://127.0.0.1:4747 answers, also after a reboot\n"
    assert cli("daemon", "uninstall").code == 0
    assert done == [(4747, home, home), home]


@pytest.mark.usefixtures("free_port")
def test_a_service_needs_a_fixed_port(cli: Cli) -> None:
    outcome = cli("daemon", "install")
    assert outcome.code == 3
    assert (
        outcome.err
        == "tokenguard: a service needs a fixed port, and daemon.port is 0; set it in config.toml, such as 4747\n"
    )


def test_status_tells_of_the_service(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def port(state_dir: Path) -> int:
        return 4747

    def status(env: object) -> Status:
        return Status(True, True, "waiting for a connection", (Path("/unit"),))

    monkeypatch.setattr(service, "service_port", port)
    monkeypatch.setattr(service, "service_status", status)
    told = cli("daemon", "status", "--json").document["service"]
    assert told == {"active": True, "detail": "waiting for a connection", "files": ["/unit"]}
    assert "service: waiting for a connection\n" in cli("daemon", "status").out
