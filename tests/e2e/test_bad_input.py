"""Agents that cannot work: each is told in one line where it is seen, and in one of the daemon's log."""

from __future__ import annotations

import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.installation import AGENT, Installation
from tokenguard import client, simulator
from tokenguard.agents import claude, codex
from tokenguard.config.paths import find_paths
from tokenguard.errors import DaemonError

OVER = "tokenguard stopped this request: its session is over. Start the agent again with tokenguard run"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder that is first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(file: Path, script: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def run(tg: Installation, path: Path, *command: str) -> tuple[int, list[str]]:
    """Exit code, and the lines on stderr."""
    done = tg("run", *command, check=False, env={"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"})
    return done.returncode, done.stderr.splitlines()


def log(tg: Installation) -> list[str]:
    """The messages of warnings, without their time and their place."""
    lines = (tg.home / "daemon.log").read_text().splitlines()
    return [line.split(": ", 1)[1] for line in lines if " WARNING " in line]


def test_an_agent_that_crashes_at_start(tg: Installation, path: Path) -> None:
    program(path / "claude", "echo 'Error: no such module' >&2; exit 3")
    code, (said, summary, last) = run(tg, path, "claude")
    assert (code, said, summary) == (3, "Error: no such module", "tokenguard  no calls")
    assert re.sub(r"\d+\.\d s", "N s", last) == (
        "tokenguard: no call of Claude Code came through: it ended after N s with exit code 3. See what it says above; "
        f"if it asks for a login: {claude.LOGIN}. To try it out: tokenguard agents check claude"
    )
    (line,) = log(tg)
    assert re.fullmatch(r"session \w+ of claude made no call: its agent ended after \d\.\d s with exit code 3", line)


def test_a_key_that_the_provider_does_not_take(tg: Installation, path: Path, sim: simulator.Process) -> None:
    program(path / "mycoder", f'exec {sys.executable} {AGENT} anthropic "hello [sim:error=401]"')
    code, (_, last) = run(tg, path, "mycoder")
    assert code == 1
    assert last == (
        "tokenguard: the provider did not take the key or login of mycoder (401): give it its key as you would without "
        "tokenguard"
    )
    (line,) = log(tg)
    assert re.fullmatch(r"session \w+ of mycoder: the provider does not take its key or login \(401\)", line)


def test_an_agent_that_is_too_old(tg: Installation, path: Path) -> None:
    package = path.parent / "node_modules/@openai/codex"
    program(package / "bin/codex", "exit 0")
    (package / "package.json").write_text('{"version": "0.98.0"}')
    (path / "codex").symlink_to(package / "bin/codex")
    code, (note, _, summary) = run(tg, path, "codex")
    text = (
        f"Codex 0.98.0 is too old: before {codex.MINIMUM} its calls do not come here and are not guarded; "
        f"{codex.INSTALL}"
    )
    assert (code, note, summary) == (0, f"tokenguard: {text}", "tokenguard  no calls")
    (line,) = log(tg)
    assert line.endswith(f" of codex: {text}")


def test_a_session_that_is_over(tg: Installation, path: Path, sim: simulator.Process) -> None:
    program(path / "claude", 'sed -n \'s/.*"ANTHROPIC_BASE_URL": "\\([^"]*\\)".*/\\1/p\' "$2" > url')
    assert run(tg, path, "claude")[0] == 0
    url = (tg.work / "url").read_text().strip()
    for _ in range(3):
        request = urllib.request.Request(f"{url}/v1/messages", data=b'{"model": "claude-opus-5-5"}')
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        with refused.value as answer:
            assert (answer.code, OVER in answer.read().decode()) == (402, True)
    assert sim.bill().calls == ()
    (line,) = log(tg)
    assert re.fullmatch(r"a call came for session \w+ of claude, which is over: it is refused", line)


def test_a_token_that_another_session_has(tg: Installation, path: Path) -> None:
    tg("daemon", "start")
    daemon = client.find(find_paths(tg.env))
    assert daemon is not None
    asked = {"agent": "claude", "cwd": str(tg.work), "token": "planted-token"}
    first = daemon.post("/v1/sessions", asked)["id"]
    with pytest.raises(DaemonError) as refused:
        daemon.post("/v1/sessions", {**asked, "agent": "codex"})
    assert str(refused.value) == (
        f"this run has the token of session {first} of claude; start each agent with a tokenguard run of its own"
    )
    assert log(tg) == [f"a run of codex came with the token of session {first} of claude: it is turned away"]
    assert "planted-token" not in (tg.home / "daemon.log").read_text()


CALL = """import json, os, urllib.request
body = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
headers = {"x-api-key": "sk-dummy", "x-claude-code-session-id": "7c1e4a52-3c1f-4a52-9c1e-4a523c1f4a52"}
url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)).read()
"""


def test_two_agents_with_one_token(tg: Installation, path: Path) -> None:
    """Claude Code says who it is, and has got the address of a run of something else."""
    (path / "call.py").write_text(CALL)
    program(path / "mycoder", f"exec {sys.executable} {path}/call.py")
    code, (_, last) = run(tg, path, "mycoder")
    assert code == 0
    assert last == "tokenguard: claude made calls with the token of this run: they count here"
    (line,) = log(tg)
    assert re.fullmatch(r"claude makes calls in session \w+ of mycoder: they count there", line)
