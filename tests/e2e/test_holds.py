"""Calls that wait for a person: real processes, and a simulator that must see nothing of a call while it waits."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.launch.support import Terminal
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

PROMPT = "Explain the plan. " * 40

TIGHT = '[[budget]]\nname = "day"\nscope = "repo"\nlimit = "$0.001"\nwindow = "day"\nat_limit = "hold"\n'
SECRET = b"0123abcd"


class Receiver:
    """Takes posts."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def running(tg: Installation) -> Iterator[list[subprocess.Popen[str]]]:
    """The runs that a test starts; they end with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for run in started:
        if run.poll() is None:
            run.terminate()
        run.communicate(timeout=30)


def begin(
    tg: Installation, running: list[subprocess.Popen[str]], *prompts: str, env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start an agent that makes a call for each prompt."""
    run = subprocess.Popen(
        tg.command(*tg.agent("anthropic:stream", *prompts)),
        env={**tg.env, **(env or {})},
        cwd=tg.work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running.append(run)
    until(tg.daemon_pid, "the daemon has started")
    return run


def waiting(tg: Installation, count: int = 1) -> list[dict[str, Any]]:
    """The calls that wait, once there are so many."""

    def enough() -> list[dict[str, Any]] | None:
        holds: list[dict[str, Any]] = tg.json("status")["holds"]
        return holds if len(holds) == count else None

    return until(enough, f"{count} calls wait")


def end_of(run: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = run.communicate(timeout=60)
    return run.returncode, out, err


def test_an_approved_call_goes_on(
    tg: Installation, sim: simulator.Process, running: list[subprocess.Popen[str]]
) -> None:
    tg.configure(sim.url, settings=TIGHT)
    run = begin(tg, running, PROMPT)
    [hold] = waiting(tg)
    assert not sim.requests()
    assert (hold["repo"], hold["model"], hold["budget"]) == (str(tg.work), "claude-opus-5-5", "web/day")
    assert hold["estimate_nanos"] > 0
    assert hold["reason"].startswith("the day budget of repository web has too little left for this call (")
    assert "To go on" not in hold["reason"]
    shown = tg("status").stdout.splitlines()
    assert shown[0].startswith(f"!  {hold['id']}  ") and shown[0].endswith(" left")
    assert f"tokenguard approve {hold['id']} · tokenguard deny {hold['id']}" in shown[2]
    assert tg.json("status")["sessions"][0]["state"] == "waiting"

    answered = tg("approve", hold["id"], "--reason", "release")
    assert answered.stdout.startswith(f"{hold['id']} approved: ")
    code, out, _ = end_of(run)
    assert (code, out.split()[0]) == (0, "200")
    assert len(sim.requests()) == 1
    assert tg.json("status")["holds"] == []
    again = tg("approve", hold["id"], check=False)
    assert (again.returncode, again.stderr) == (
        2,
        f"tokenguard: no call {hold['id']} is waiting; see tokenguard status\n",
    )


def test_what_is_raised_beyond_the_call_is_there_for_others(
    tg: Installation, sim: simulator.Process, running: list[subprocess.Popen[str]]
) -> None:
    tg.configure(sim.url, settings=TIGHT)
    run = begin(tg, running, PROMPT, PROMPT, PROMPT)
    waiting(tg)
    assert tg.json("approve", "--amount", "5")["answer"] == "approve"
    code, out, _ = end_of(run)
    assert (code, [line.split()[0] for line in out.splitlines()]) == (0, ["200"] * 3)


def test_a_denied_call_is_refused_with_the_reason(
    tg: Installation, sim: simulator.Process, running: list[subprocess.Popen[str]]
) -> None:
    tg.configure(sim.url, settings=TIGHT)
    run = begin(tg, running, PROMPT)
    waiting(tg)
    assert " denied: " in tg("deny", "--reason", "use the smaller model").stdout
    code, out, err = end_of(run)
    assert (code, out.split()[0]) == (1, "400")
    assert "use the smaller model" in out
    assert "1 refused" in err
    assert not sim.requests()


def test_of_several_one_has_to_be_named(
    tg: Installation, sim: simulator.Process, running: list[subprocess.Popen[str]]
) -> None:
    tg.configure(sim.url, settings=TIGHT)
    runs = [begin(tg, running, PROMPT) for _ in range(2)]
    ids = [hold["id"] for hold in waiting(tg, 2)]
    asked = tg("deny", check=False)
    assert asked.returncode == 2
    assert all(f"{hold_id} (" in asked.stderr for hold_id in ids)
    for hold_id in ids:
        tg("deny", hold_id)
    assert [end_of(run)[0] for run in runs] == [1, 1]


def test_an_agent_that_leaves_waits_no_longer(
    tg: Installation, sim: simulator.Process, running: list[subprocess.Popen[str]]
) -> None:
    tg.configure(sim.url, settings=TIGHT)
    run = begin(tg, running, PROMPT)
    waiting(tg)
    run.terminate()
    end_of(run)
    until(lambda: not tg.json("status")["holds"], "no call waits")
    assert not sim.requests()
    told = tg("approve", check=False)
    assert (told.returncode, told.stderr.split(";")[0]) == (2, "tokenguard: no call waits for an answer")


def test_a_dear_call_asks_before_it_is_made(
    tg: Installation, sim: simulator.Process, running: list[subprocess.Popen[str]]
) -> None:
    tg.configure(sim.url, settings='[preflight]\nabove = "0.001"\nat_limit = "hold"\n')
    run = begin(tg, running, PROMPT)
    [hold] = waiting(tg)
    assert hold["budget"] is None and hold["reason"].startswith("this call ")
    refused = tg("approve", hold["id"], "--amount", "5", check=False)
    assert refused.returncode == 2 and "waits for no budget" in refused.stderr
    tg("approve", hold["id"])
    assert end_of(run)[0] == 0


def test_the_terminal_of_the_run_rings(
    tg: Installation, sim: simulator.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tg.work)
    tg.configure(sim.url, settings="[notify]\nbell = true\n" + TIGHT)
    # What the agent says goes elsewhere: it is the terminal that rings.
    agent = " ".join(map(shlex.quote, tg.agent("anthropic:stream", PROMPT)[2:]))
    terminal = Terminal(tg.command("run", "--", "sh", "-c", f"{agent} >/dev/null"), tg.env)
    try:
        terminal.until("\a")
        tg("deny")
        assert terminal.wait() == 1
        assert terminal.screen.count("\a") == 1
    finally:
        terminal.close()


def test_those_who_are_told(
    tg: Installation,
    sim: simulator.Process,
    running: list[subprocess.Popen[str]],
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET + b"\n")
    secret.chmod(0o600)
    programs = tmp_path / "bin"
    programs.mkdir()
    shown = tmp_path / "shown"
    for name in ("notify-send", "osascript"):
        (programs / name).write_text(f'#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done >>"{shown}"\n')
        (programs / name).chmod(0o755)
    settings = f'[notify]\ndesktop = true\nwebhook = "{receiver.url}"\nwebhook_secret_file = "{secret}"\n'
    tg.configure(sim.url, settings=settings + TIGHT)

    run = begin(tg, running, PROMPT + "PLANTED-kumquat", env={"PATH": f"{programs}:{os.environ['PATH']}"})
    [hold] = waiting(tg)
    until(lambda: receiver.got, "the webhook is told")
    until(shown.exists, "the desktop is told")
    tg("approve", hold["id"])
    assert end_of(run)[0] == 0
    until(lambda: "hold.answered" in [document["type"] for document in receiver.documents], "the answer is told")

    for headers, body in receiver.got:
        assert headers["X-Tokenguard-Signature"] == f"sha256={hmac.new(SECRET, body, hashlib.sha256).hexdigest()}"
        assert b"kumquat" not in body and b"sk-dummy" not in body and str(tg.work).encode() not in body
    asked = receiver.documents[0]
    assert (asked["type"], asked["data"]["id"], asked["data"]["repo"]) == ("hold.asked", hold["id"], "web")
    told = shown.read_text()
    assert f"tokenguard approve {hold['id']}" in told
