"""`tokenguard doctor`: each check can pass and fail, and says what to do."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from os import defpath
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import Cli, call, record
from tokenguard import __version__, client, platforms
from tokenguard.cli import installation
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError
from tokenguard_hooks import chaining, configuring, hook_folders, included, reaching, resting, scripts, sharing
from tokenguard_hooks.gits import Gits

Finding = Mapping[str, Any]


class FakeDaemon:
    """A daemon of some version at some port."""

    def __init__(self, version: str, port: int) -> None:
        self.version, self.port, self.pid = version, port, 12
        self.ledger: dict[str, Any] = {"failing": None, "kept": 0, "set_aside": None}

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/v1/status"
        return {"ledger": self.ledger}


@pytest.fixture(autouse=True)
def quiet_machine(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which all is well: any free port, no agents, no proxies. The folder on its PATH."""
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("[daemon]\nport = 0\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs, "git", "git version 2.50.0")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "ALL_PROXY",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return programs


def program(folder: Path, name: str, says: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)


def findings(cli: Cli, check: str) -> list[Finding]:
    told = cli("doctor", "--json").document
    assert told["ok"] is all(one["state"] != "fail" for one in told["checks"])
    assert all(one["remedy"] for one in told["checks"] if one["state"] != "ok")
    return [one for one in told["checks"] if one["check"] == check]


def test_a_machine_on_which_all_is_well(cli: Cli, quiet_machine: Path) -> None:
    program(quiet_machine, "codex", "codex-cli 0.169.0")
    outcome = cli("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    assert all(line.startswith("✓ ") for line in outcome.out.splitlines())
    checks = [line.split()[1] for line in outcome.out.splitlines()]
    assert checks == [
        "python", "platform", "folders", "config", "daemon", "port", "ledger", "agents", "network", "intercept",
            "git",
    ]  # fmt: skip
    assert f"codex: codex-cli 0.169.0 ({quiet_machine}/codex)" in outcome.out


def test_a_failure_is_exit_code_one_with_its_remedy(cli: Cli, home: Path) -> None:
    (home / "config.toml").write_text("[daemon]\nport = 123456\n")
    outcome = cli("doctor")
    assert outcome.code == 1
    assert "✗ config    config.toml: daemon.port 123456 is not a port\n            → use 0 to 65535\n" in outcome.out
    assert cli("doctor", "--json").code == 1


def test_an_old_sqlite(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 30, 0))
    (found,) = findings(cli, "python")
    assert (found["state"], found["remedy"]) == ("fail", "use a Python with SQLite 3.37.0 or newer")


def test_folders_that_others_may_see(cli: Cli, home: Path) -> None:
    record(home, {call(1): 5})
    home.chmod(0o755)
    (home / "ledger.db").chmod(0o644)
    folder, ledger = findings(cli, "folders")
    assert (folder["state"], folder["remedy"]) == ("warn", f"chmod 700 {home}")
    assert (ledger["state"], ledger["remedy"]) == ("warn", f"chmod 600 {home}/ledger.db")


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    (found,) = installation.folders(Paths(file, file))
    assert (found.state, found.detail) == ("fail", f"{file} cannot be written")


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.touch()
    (below_a_file,) = installation.folders(Paths(file / "home", file / "home"))
    assert (below_a_file.state, below_a_file.detail) == ("fail", f"{file}/home cannot be made")
    deep = tmp_path / "some" / "home"
    assert [one.state for one in installation.folders(Paths(deep, deep))] == ["ok"]

    def access(path: Path, mode: int) -> bool:
        return path != tmp_path

    monkeypatch.setattr(os, "access", access)
    (closed,) = installation.folders(Paths(deep, deep))
    assert (closed.state, closed.remedy) == ("fail", f"make {tmp_path} writable, or set TOKENGUARD_HOME")


def test_a_repositorys_file_is_checked_too(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "web"
    monkeypatch.setenv("PATH", "/usr/bin:/bin:/usr/local/bin")
    subprocess.run(["git", "init", "--quiet", str(repo)], check=True)
    monkeypatch.chdir(repo)
    (repo / "tokenguard.toml").write_text('[[budget]]\nname = "ours"\nlimit = "$1"\nwindow = "day"\n')
    assert findings(cli, "config")[1]["detail"] == f"{repo}/tokenguard.toml: 1 budget"
    (repo / "tokenguard.toml").write_text("[providers.anthropic]\nbase_url = 'https://evil.example'\n")
    found = findings(cli, "config")[1]
    assert (found["state"], found["remedy"]) == ("fail", "move that to your own config.toml")


@pytest.mark.parametrize(
    ("version", "port", "daemon", "at_port"),
    [
        (__version__, 4747, ("ok", f"running, pid 12, version {__version__}"), ("ok", "4747, ours")),
        ("0.0.9", 4747, ("warn", f"version 0.0.9 is running, this is {__version__}"), ("ok", "4747, ours")),
        (
            "0.1.0",
            4748,
            ("ok", "running, pid 12, version 0.1.0"),
            ("warn", "the daemon uses 4748, config.toml says 4747"),
        ),
    ],
)
def test_a_running_daemon(
    cli: Cli,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    port: int,
    daemon: tuple[str, str],
    at_port: tuple[str, str],
) -> None:
    (home / "config.toml").unlink()

    def find(paths: Paths) -> FakeDaemon:
        return FakeDaemon(version, port)

    monkeypatch.setattr(client, "find", find)
    assert [(one["state"], one["detail"]) for one in findings(cli, "daemon")] == [daemon]
    assert [(one["state"], one["detail"]) for one in findings(cli, "port")] == [at_port]


def test_a_daemon_that_cannot_write(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    running = FakeDaemon(__version__, 4747)
    running.ledger = {"failing": "the ledger cannot be written: disk full", "kept": 3, "set_aside": "/x/ledger.corrupt"}

    def find(paths: Paths) -> FakeDaemon:
        return running

    monkeypatch.setattr(client, "find", find)
    assert [(one["state"], one["detail"]) for one in findings(cli, "daemon")[1:]] == [
        ("fail", "the ledger cannot be written: disk full"),
        ("warn", "the ledger was damaged; it is kept as /x/ledger.corrupt"),
    ]


def test_a_daemon_that_does_not_answer(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(paths: Paths) -> None:
        raise DaemonError("the daemon does not answer", "tokenguard daemon restart")

    monkeypatch.setattr(client, "find", find)
    (found,) = findings(cli, "daemon")
    assert (found["state"], found["remedy"]) == ("fail", "tokenguard daemon restart")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_that_another_program_has(cli: Cli, home: Path, taken_port: int) -> None:
    (home / "config.toml").write_text(f"[daemon]\nport = {taken_port}\n")
    (found,) = findings(cli, "port")
    assert (found["state"], found["detail"]) == ("fail", f"{taken_port} is in use by another program")
    (home / "service").write_text(f"{taken_port}\n")
    assert findings(cli, "port")[0]["detail"] == f"{taken_port}, held by the service"


def test_the_ledger_and_its_prices(cli: Cli, home: Path) -> None:
    record(home, {call(1): 5})
    record(
        home, {call(2, model="claude-from-the-future-99", repo="/src/api"): 5}, "unknown-model:priced-as=claude-opus-5"
    )
    assert findings(cli, "ledger")[0]["detail"] == f"{home}/ledger.db: 2 calls, sound"
    (found,) = findings(cli, "prices")
    assert (found["state"], found["remedy"]) == ("warn", "tokenguard prices check says what they were priced as")
    assert "no price is listed for claude-from-the-future-99 (anthropic)" in found["detail"]


def test_every_model_has_a_price(cli: Cli, home: Path) -> None:
    record(home, {call(1): 5})
    assert findings(cli, "prices")[0]["state"] == "ok"


def test_a_damaged_ledger(cli: Cli, home: Path) -> None:
    record(home, {call(number): 5 for number in range(1, 400)})
    file = home / "ledger.db"
    data = bytearray(file.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    file.write_bytes(data)
    (found,) = findings(cli, "ledger")
    assert found["state"] == "fail"
    assert findings(cli, "prices") == []


def test_sums_that_do_not_agree_are_made_anew_by_the_next_daemon(cli: Cli, home: Path) -> None:
    record(home, {call(number): 5 for number in range(1, 4)})
    with closing(sqlite3.connect(home / "ledger.db")) as conn, conn:
        conn.execute("UPDATE rollups SET cost_nanos = cost_nanos + 1")
    (found,) = findings(cli, "ledger")
    assert (found["state"], found["remedy"]) == ("fail", "tokenguard daemon restart: it makes them anew")
    assert found["detail"] == f"{home}/ledger.db: its sums do not agree with its calls"
    record(home, {})
    assert findings(cli, "ledger")[0]["state"] == "ok"


def test_what_of_an_agent_is_not_guarded(cli: Cli, quiet_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(quiet_machine, "claude", "2.1.329 (Claude Code)")
    monkeypatch.setenv("CLAUDE_CODE_USE_FOUNDRY", "1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://gateway.example")
    told = [(one["state"], one["detail"]) for one in findings(cli, "agents")]
    assert told[0] == ("ok", f"claude: 2.1.329 (Claude Code) ({quiet_machine}/claude)")
    assert ("warn", "Claude Code uses Microsoft Foundry (CLAUDE_CODE_USE_FOUNDRY): its calls are not guarded") in told
    assert any("https://gateway.example" in detail for _, detail in told)


def test_no_agent_and_no_git(cli: Cli, quiet_machine: Path) -> None:
    (quiet_machine / "git").unlink()
    assert findings(cli, "agents")[0]["state"] == "warn"
    assert findings(cli, "git")[0]["state"] == "warn"
    assert cli("doctor").code == 0


def test_an_agent_that_does_not_run(cli: Cli, quiet_machine: Path) -> None:
    file = quiet_machine / "gemini"
    file.write_text("#!/nonexistent/node\n")
    file.chmod(0o755)
    assert findings(cli, "agents")[0]["detail"] == f"gemini: does not tell its version ({file})"


def test_the_way_to_the_providers(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert findings(cli, "network")[0]["detail"] == "providers are reached directly"
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example:8080")
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(tmp_path / "gone.pem"))
    missing, way = findings(cli, "network")
    assert (missing["state"], missing["remedy"]) == ("warn", "correct or unset NODE_EXTRA_CA_CERTS")
    assert way["detail"] == "providers are reached through a proxy"
    assert "secret" not in cli("doctor").out
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example")
    assert findings(cli, "network")[-1]["state"] == "fail"


def test_who_is_told_of_held_calls(cli: Cli, home: Path, quiet_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(cli, "notify") == []
    secret = home / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    settings = 'desktop = true\nbell = true\nwebhook = "https://chat.example/hooks/s3cret"\n'
    config = home / "config.toml"
    config.write_text(f"[daemon]\nport = 0\n[notify]\n{settings}")
    monkeypatch.setattr(sys, "platform", "linux")

    desktop, bell, webhook = findings(cli, "notify")
    assert (desktop["state"], desktop["detail"]) == (
        "warn",
        "notify-send is not found: nothing is shown on the desktop",
    )
    assert "libnotify" in desktop["remedy"]
    assert bell["state"] == "ok"
    assert (webhook["state"], webhook["detail"]) == ("warn", "posts to chat.example are not signed")
    assert "s3cret" not in cli("doctor").out

    config.write_text(f'[daemon]\nport = 0\n[notify]\n{settings}webhook_secret_file = "{secret}"\n')
    program(quiet_machine, "notify-send", "notify-send 0.8.3")
    told = [(one["state"], one["detail"]) for one in findings(cli, "notify")]
    assert told[0] == ("ok", "the desktop, through notify-send")
    assert told[2] == ("ok", "posts to chat.example, signed")

    monkeypatch.setattr(platforms, "_SYSTEMS", {})
    assert findings(cli, "notify")[0]["detail"].startswith("this system's desktop is not known")


def test_hooks_that_sleep(cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(cli, "hooks") == []
    trees = [tmp_path / name for name in ("web", "api")]
    paths = Paths(home, home)
    for number, tree in enumerate(trees, 1):
        for name in ("HEAD", "objects/x", "refs/x", "logs/HEAD", "hooks/x"):
            (tree / ".git" / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / ".git" / name).touch()
        chaining.put_in(tree / ".git" / "hooks", scripts.EVENTS, paths)
        hook_paths.folder(paths, tree / ".git").mkdir(parents=True)
        assert resting.put_to_sleep(tree / ".git", paths)
        many = "1 repository" if number == 1 else "2 repositories"
        (told,) = findings(cli, "hooks")
        assert (told["state"], told["detail"]) == ("ok", f"those of {many} sleep until the daemon runs")

    def find(paths: Paths) -> FakeDaemon:
        return FakeDaemon(__version__, 4747)

    monkeypatch.setattr(client, "find", find)
    _, told = findings(cli, "hooks")
    assert (told["state"], told["detail"]) == ("warn", f"those of {trees[0]}/.git sleep, though the daemon runs")
    assert "tokenguard hooks status" in told["remedy"]


def test_hooks_of_all_repositories_that_sleep(
    cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, config = Paths(home, home), tmp_path / "gitconfig"
    hook_paths.hooks(paths).mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", defpath)
        reaching.put(paths, config)
        included.put(config, configuring.hooks(scripts.EVENTS, paths))
        configuring.put_in(config, configuring.included(config))
    assert findings(cli, "hooks") == []
    assert reaching.put_to_sleep(paths)
    (told,) = findings(cli, "hooks")
    assert (told["state"], told["detail"]) == ("ok", "those of all repositories sleep until the daemon runs")

    def find(paths: Paths) -> FakeDaemon:
        return FakeDaemon(__version__, 4747)

    monkeypatch.setattr(client, "find", find)
    (told,) = findings(cli, "hooks")
    assert (told["state"], told["detail"]) == ("warn", "those of all repositories sleep, though the daemon runs")
    assert "tokenguard hooks status" in told["remedy"]


def test_hooks_in_a_folder_for_several_repositories_that_sleep(
    cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(gits: Gits) -> bool:
        return False

    def find(paths: Paths) -> FakeDaemon:
        return FakeDaemon(__version__, 4747)

    monkeypatch.setattr(Gits, "are_about", none)
    paths, folder = Paths(home, home), tmp_path / "shared"
    folder.mkdir(mode=0o755)
    chaining.put_in(folder, scripts.EVENTS, paths)
    hook_folders.put(paths, folder)
    assert findings(cli, "hooks") == []
    assert sharing.put_to_sleep(paths)
    (told,) = findings(cli, "hooks")
    detail = "those of a folder that several repositories may use sleep until the daemon runs"
    assert (told["state"], told["detail"]) == ("ok", detail)
    monkeypatch.setattr(client, "find", find)
    (told,) = findings(cli, "hooks")
    assert (told["state"], told["detail"]) == ("warn", f"those in {folder} sleep, though the daemon runs")
    assert "tokenguard hooks status" in told["remedy"]
