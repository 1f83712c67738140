"""Agents that nobody started with `run`: real processes whose calls come to the daemon's port without a token."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.family import caller, named
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

PROMPT = "Explain the plan. " * 40
IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]


class Outside:
    """Programs that know the port, and nothing else."""

    def __init__(self, tg: Installation, folder: Path) -> None:
        self.tg = tg
        self.bin = folder
        tg("daemon", "start")
        port = tg.json("daemon", "status")["daemon"]["port"]
        self.base = f"http://127.0.0.1:{port}"
        self.env = {
            **tg.env,
            "ANTHROPIC_BASE_URL": f"{self.base}/anthropic",
            "OPENAI_BASE_URL": f"{self.base}/openai/v1",
        }

    def __call__(self, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run a command to its end; what it prints."""
        return subprocess.run(
            command,
            cwd=cwd or self.tg.work,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    def claude(self, *prompts: str) -> list[str]:
        return [*caller(self.bin, "claude"), "anthropic:stream", *(prompts or [PROMPT])]

    @property
    def sessions(self) -> list[dict[str, Any]]:
        return list(self.tg.json("status")["sessions"])


@pytest.fixture
def outside(tg: Installation, tmp_path: Path) -> Outside:
    return Outside(tg, tmp_path / "bin")


def side_tree(tg: Installation, folder: Path, branch: str) -> Path:
    subprocess.run(["git", *IDENTITY, "commit", "-q", "--allow-empty", "-m", "first"], cwd=tg.work, check=True)
    subprocess.run(["git", "worktree", "add", "-q", str(folder), "-b", branch], cwd=tg.work, check=True)
    return folder


def test_an_agent_in_a_working_tree_has_its_session(outside: Outside, sim: simulator.Process, tmp_path: Path) -> None:
    tree = side_tree(outside.tg, tmp_path / "side", "feat/login")
    shown = outside(*outside.claude(PROMPT, PROMPT), cwd=tree)
    assert [line.split()[0] for line in shown.splitlines()] == ["200", "200"]
    (session,) = outside.sessions
    assert (session["agent"], session["calls"], session["wrapped"]) == ("claude", 2, False)
    assert (session["repo"], session["branch"]) == (str(outside.tg.work.resolve()), "feat/login")
    assert session["cost_nanos"] == sim.bill().total_nanos
    (row,) = outside.tg.json("report", "--by", "repo,branch,agent")["rows"]
    assert (row["agent"], row["branch"], row["calls"]) == ("claude", "feat/login", 2)


def test_one_that_lives_for_one_call_is_known_too(outside: Outside) -> None:
    for _ in range(5):
        outside(*outside.claude())
    assert {(session["agent"], session["calls"]) for session in outside.sessions} == {("claude", 1)}
    assert len(outside.sessions) == 5, "each run of an agent is one"


def test_programs_that_are_no_agents_are_one_session(outside: Outside) -> None:
    for _ in range(3):
        outside(*caller(outside.bin, "bot.py"), "anthropic", PROMPT)
    (session,) = outside.sessions
    assert (session["agent"], session["calls"], session["pid"]) == ("bot.py", 3, None)
    assert session["repo"] == str(outside.tg.work.resolve())


def test_an_agent_in_a_shell_in_an_editor(outside: Outside, tmp_path: Path) -> None:
    shell = ["sh", "-c", '"$@"; true', "sh"]
    outside(*named(outside.bin, "code"), *shell, *outside.claude(), cwd=outside.tg.work)
    (session,) = outside.sessions
    assert (session["agent"], session["labels"]) == ("claude", {"editor": "vscode"})


def test_a_plug_in_of_an_editor_is_a_session_of_the_editor(outside: Outside) -> None:
    host = [*caller(outside.bin, "extensionHost"), "anthropic", PROMPT]
    outside(*named(outside.bin, "code"), *host, cwd=outside.tg.work)
    (session,) = outside.sessions
    assert (session["agent"], session["calls"]) == ("vscode", 1)
    assert session["branch"] == "main"


def test_what_runs_in_a_container_is_unknown(outside: Outside) -> None:
    apart = ["unshare", "--mount"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("namespaces are not to be had here")
    outside(*apart, *outside.claude())
    (session,) = outside.sessions
    assert (session["id"], session["agent"], session["repo"], session["calls"]) == ("unwrapped", "unknown", None, 1)
    outside(*apart, *outside.claude(), env={"TOKENGUARD_SESSION": "devcontainer"})
    assert {(session["agent"], session["task"]) for session in outside.sessions} == {
        ("unknown", None),
        ("unknown", "devcontainer"),
    }


def test_the_environment_names_the_task(outside: Outside) -> None:
    outside(*outside.claude(), env={"TOKENGUARD_SESSION": "nightly"})
    (row,) = outside.tg.json("report", "--by", "task")["rows"]
    assert (row["task"], row["calls"]) == ("nightly", 1)


HEADER = """
import http.client, json, os, sys
from urllib.parse import urlsplit
base = urlsplit(os.environ["ANTHROPIC_BASE_URL"])
body = {"model": "claude-opus-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
connection = http.client.HTTPConnection(base.hostname, base.port)
for name in sys.argv[1:]:
    headers = {"x-api-key": "k", "x-tokenguard-session": name}
    connection.request("POST", base.path + "/v1/messages", json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    print(answer.status)
"""


def test_a_header_names_the_task(outside: Outside) -> None:
    outside(sys.executable, "-c", HEADER, "one", "two", "one")
    assert {(session["task"], session["calls"]) for session in outside.sessions} == {("one", 2), ("two", 1)}


def test_what_a_run_starts_belongs_to_the_run(outside: Outside) -> None:
    """The port is in its settings, but `run` told its children which session they are part of."""
    port_alone = ["env", f"ANTHROPIC_BASE_URL={outside.base}/anthropic"]
    done = outside.tg("run", "--", *port_alone, *outside.claude())
    assert "in 1 call" in done.stderr
    (row,) = outside.tg.json("report", "--by", "session")["rows"]
    assert row["calls"] == 1


def test_even_if_it_was_told_nothing(outside: Outside) -> None:
    bare = ["env", "-u", "TOKENGUARD_SESSION", f"ANTHROPIC_BASE_URL={outside.base}/anthropic"]
    done = outside.tg("run", "--", "sh", "-c", '"$@"; true', "sh", *bare, *outside.claude())
    assert "in 1 call" in done.stderr


def test_a_budget_of_the_repository_holds_for_all_of_them(outside: Outside, sim: simulator.Process) -> None:
    outside.tg("budget", "set", "two", "--limit", "2 calls", "--scope", "repo", "--window", "day")
    outside(*outside.claude())
    outside.tg(*outside.tg.agent("anthropic", PROMPT))
    refused = subprocess.run(outside.claude(), cwd=outside.tg.work, env=outside.env, capture_output=True, text=True)
    assert refused.stdout.startswith("402"), "in the manner of Claude Code"
    assert "the day budget of repository web is used up" in json.loads(refused.stdout[4:])["error"]["message"]
    assert len(sim.requests()) == 2


def test_what_goes_upstream_says_nothing_of_us(outside: Outside, sim: simulator.Process) -> None:
    outside(sys.executable, "-c", HEADER, "a-name-of-mine")
    (request,) = sim.requests()
    assert "a-name-of-mine" not in repr(request)


def test_the_session_is_known_again_after_the_daemon_was_killed(outside: Outside) -> None:
    agent = subprocess.Popen(
        outside.claude(PROMPT, "PAUSE", PROMPT),
        cwd=outside.tg.work, env=outside.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert agent.stdin and agent.stdout
    assert agent.stdout.readline().startswith("200")
    assert agent.stdout.readline() == "paused\n"
    until(lambda: outside.tg.json("report")["total"]["calls"], "the first call is in the ledger")
    killed = outside.tg.daemon_pid()
    assert killed
    os.kill(killed, 9)
    outside.tg("daemon", "start")
    assert outside.tg.json("daemon", "status")["daemon"]["port"] == int(outside.base.rpartition(":")[2])
    agent.stdin.write("\n")
    agent.stdin.flush()
    assert agent.stdout.readline().startswith("200")
    (session,) = outside.sessions
    assert (session["agent"], session["calls"]) == ("claude", 2)
    agent.communicate(timeout=30)


def test_what_env_prints_is_all_that_it_takes(tg: Installation, sim: simulator.Process, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tg.home / "config.toml"
    config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
    tg("daemon", "start")
    printed = tg("env", "generic").stdout
    agents = [
        shlex.join([*caller(tmp_path / "bin", "bot.py"), dialect, PROMPT])
        for dialect in ("anthropic", "chat", "gemini")
    ]
    done = subprocess.run(
        ["sh", "-c", "\n".join([printed, *agents])], cwd=tg.work, env=tg.env, capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["200"] * 3
    (session,) = tg.json("status")["sessions"]
    assert (session["agent"], session["calls"]) == ("bot.py", 3)
    assert session["cost_nanos"] == sim.bill().total_nanos
