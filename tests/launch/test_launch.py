"""A run from its beginning to its end."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.launch.support import PATIENCE, SUMMARY, FakeDaemon, launched


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(launched(*command, **options), timeout=PATIENCE, capture_output=True, text=True)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `claude` on the PATH that tells its arguments, its environment and its settings file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "claude"
    file.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "file = sys.argv[2]\n"
        "print(json.dumps({'args': sys.argv[1:], 'env': dict(os.environ), 'settings': json.load(open(file)),"
        " 'mode': os.stat(file).st_mode, 'folder': os.path.dirname(file)}))\n"
        "sys.exit(5)\n"
    )
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return file


def test_the_session_that_is_asked_for(daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://llm.corp/v1")
    for name in ("https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    run("true", budget="5", task="login", labels=[("ticket", "T-1")])
    told = daemon.wait_for("sessions").body
    assert {name: told[name] for name in ("agent", "cwd", "budget", "task", "labels", "upstreams")} == {
        "agent": "true",
        "cwd": str(tmp_path),
        "budget": "5",
        "task": "login",
        "labels": [["ticket", "T-1"]],
        "upstreams": [["openai", "https://llm.corp"]],
    }
    assert told["network"]["HTTPS_PROXY"] == "http://proxy:3128"
    assert "NO_PROXY" not in told["network"]
    assert daemon.wait_for("end").body == {"exit_code": 0}


def test_the_environment_is_ours_and_otherwise_the_same(daemon: FakeDaemon) -> None:
    """Also where no locale is set, which Python changes for itself."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "TOKENGUARD_HOME")} | {"NO_PROXY": "corp"}

    def environment_of(command: list[str]) -> dict[str, str]:
        shown = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        return dict(line.split("=", 1) for line in shown.rstrip("\0").split("\0"))

    alone, guarded = environment_of(["env", "-0"]), environment_of(launched("env", "-0"))
    token = daemon.wait_for("sessions").body["token"]
    changed = {name: guarded[name] for name in guarded if guarded[name] != alone.get(name)}
    assert changed.pop("NO_PROXY") == changed.pop("no_proxy") == "corp,127.0.0.1,localhost"
    assert changed["OPENAI_BASE_URL"] == f"http://127.0.0.1:4747/s/{token}/openai/v1"
    assert changed.pop("TOKENGUARD_SESSION") == "bcdfg"
    kept = json.loads(changed.pop("TOKENGUARD_OUTER"))
    assert {name: alone.get(name) for name in (*changed, "NO_PROXY", "no_proxy")}.items() <= kept.items()
    assert all(name.endswith(("_BASE_URL", "_API_BASE")) for name in changed)
    assert set(alone) <= set(guarded)


def test_an_agents_files_are_private_and_go(daemon: FakeDaemon, agent: Path) -> None:
    done = run("claude", "-p", "hi")
    seen = json.loads(done.stdout)
    token = daemon.wait_for("sessions").body["token"]
    assert done.returncode == 5
    assert seen["args"][2:] == ["-p", "hi"]
    assert seen["settings"]["env"]["ANTHROPIC_BASE_URL"] == f"http://127.0.0.1:4747/s/{token}/anthropic"
    assert stat.S_IMODE(seen["mode"]) == 0o600
    assert not Path(seen["folder"]).exists()
    assert token not in json.dumps([seen["args"], seen["env"]])


def test_the_users_files_stay_as_they_are(daemon: FakeDaemon, agent: Path) -> None:
    settings = Path(os.environ["HOME"]) / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"model": "opus"}')
    run("claude")
    assert [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()] == [settings]
    assert settings.read_text() == '{"model": "opus"}'


def test_the_line_at_the_end(home: Path) -> None:
    daemon = FakeDaemon(home, {**SUMMARY, "calls": 2, "cost_nanos": 10**9})
    try:
        assert run("echo", "hi", quiet=False).stderr == "tokenguard  $1.00 in 2 calls\n"
        assert run("echo", "hi", quiet=True).stderr == ""
    finally:
        daemon.close()


def test_the_summary_as_a_file(daemon: FakeDaemon, tmp_path: Path) -> None:
    run("sh", "-c", "kill -TERM $$", summary=tmp_path / "cost.json")
    assert json.loads((tmp_path / "cost.json").read_text()) == {**daemon.summary, "exit_code": 143}
    assert daemon.wait_for("end").body == {"exit_code": 143}


def test_a_summary_in_no_folder_is_told_before_the_agent_runs(daemon: FakeDaemon, tmp_path: Path) -> None:
    done = run("touch", tmp_path / "ran", summary=tmp_path / "nowhere" / "cost.json")
    assert (done.returncode, (tmp_path / "ran").exists()) == (2, False)
    assert "there is no such folder" in done.stderr


def test_what_is_not_guarded_is_told(daemon: FakeDaemon, agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CODE_USE_FOUNDRY", "1")
    *lines, last = run("claude", quiet=False).stderr.splitlines()
    assert lines == [
        "tokenguard: Claude Code uses Microsoft Foundry (CLAUDE_CODE_USE_FOUNDRY): its calls are not guarded",
        "tokenguard: with --intercept, calls to the providers that tokenguard knows are guarded all the same",
        "tokenguard  no calls",
    ]
    assert last.startswith("tokenguard: no call of Claude Code came through: it ended after ")
    assert daemon.wait_for("sessions").body["notes"] == [lines[0].removeprefix("tokenguard: ")]


def test_a_daemon_that_cannot_tell_does_not_change_the_exit_code(daemon: FakeDaemon) -> None:
    daemon.fails.add("end")
    done = run("sh", "-c", "exit 4", quiet=False)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "what this run cost cannot be told" in done.stderr


def test_a_closed_stderr_does_not_change_the_exit_code(daemon: FakeDaemon) -> None:
    command = ["sh", "-c", '"$@" 2>&-', "sh", *launched("sh", "-c", "exit 4", quiet=False)]
    assert subprocess.run(command, timeout=PATIENCE).returncode == 4


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("claude", "npm install -g @anthropic-ai/claude-code"),
        ("no-such-agent", "check the spelling"),
        ("cluade", "did you mean claude?"),
        ("mine", "install it, or correct commands in [agents.mine]"),
    ],
)
def test_an_agent_that_is_not_there(
    home: Path, command: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told in one line, before a daemon is started."""
    monkeypatch.setenv("PATH", str(tmp_path))
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[agents.mine]\ncommands = ["mine"]\n')
    done = run(command)
    assert (done.returncode, done.stderr.count("\n"), len(list(home.iterdir()))) == (2, 1, 1)
    assert done.stderr.startswith(f"tokenguard: {command}: command not found; ")
    assert hint in done.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS makes no such names")
def test_a_folder_whose_name_is_no_text_is_found_by_the_process(
    daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / os.fsdecode(b"od\xffd")
    odd.mkdir()
    monkeypatch.chdir(odd)
    assert run("true").returncode == 0
    told = daemon.wait_for("sessions").body
    assert told["cwd"] == f"/proc/{told['run_pid']}/cwd"


def test_a_folder_that_is_gone(daemon: FakeDaemon, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["sh", "-c", f'cd {gone} && rmdir {gone} && "$@"', "sh", *launched("true")]
    done = subprocess.run(command, timeout=PATIENCE, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "does not exist any more" in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [("./nowhere", "no such file"), ("./here", "it is not executable"), ("./folder", "it is a folder")],
)
def test_a_path_at_which_nothing_can_be_started(home: Path, command: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    (tmp_path / "folder").mkdir()
    done = run(command)
    assert (done.returncode, done.stderr) == (2, f"tokenguard: {command}: {said}; check the path\n")


def test_an_agent_of_the_users_own(
    daemon: FakeDaemon, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name starts it, also where its command is called otherwise."""
    program = tmp_path / "my-coder"
    program.write_text('#!/bin/sh\necho "$MINE_URL" "$@"\n')
    program.chmod(0o755)
    (home / "config.toml").write_text(
        '[agents.mine]\ncommands = ["absent", "my-coder"]\nargs = ["--quiet"]\nenv = { MINE_URL = "{url}/openai/v1" }\n'
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = run("mine", "hello")
    assert done.returncode == 0, done
    url, rest = done.stdout.strip().split(" ", 1)
    assert url.startswith("http://127.0.0.1:4747/s/") and url.endswith("/openai/v1")
    assert rest == "--quiet hello"
    assert daemon.wait_for("sessions").body["agent"] == "mine"
