"""What becomes of sessions whose processes are suspended, killed, orphaned, or outlive their agent."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.installation import AGENT, Installation
from tests.support.waiting import until
from tokenguard import simulator

PROMPT = "Explain the plan. " * 40

LEAVES_A_DAEMON = textwrap.dedent("""
    import os, sys
    door, *command = sys.argv[1:]
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.dup2(os.open(door, os.O_RDWR), 0)
            os.execv(command[0], command)
        os._exit(0)
    os.wait()
    print("the agent is done", flush=True)
""")
"""Starts a program that goes on without it, keeps its output open, and reads from a pipe of its own."""


def sessions(tg: Installation) -> list[tuple[Any, ...]]:
    """(agent, exit code, whether it is over) of every run."""
    with closing(sqlite3.connect(f"file:{tg.home}/ledger.db?mode=ro", uri=True)) as ledger:
        rows = ledger.execute(
            "SELECT agent, exit_code, ended_us IS NOT NULL FROM sessions WHERE token_hash IS NOT NULL"
        )
        return rows.fetchall()


def started(tg: Installation, *command: str, **streams: Any) -> subprocess.Popen[str]:
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen(
        tg.command("run", "--", *command), env=tg.env, cwd=tg.work, text=True, start_new_session=True, **streams
    )


def paused(tg: Installation) -> subprocess.Popen[str]:
    """A run whose agent has made one call, and waits for a line to make another one."""
    run = started(tg, sys.executable, str(AGENT), "anthropic", PROMPT, "PAUSE", PROMPT)
    assert run.stdout
    assert run.stdout.readline().startswith("200")
    assert run.stdout.readline() == "paused\n"
    return run


def one(tg: Installation) -> dict[str, Any]:
    (found,) = tg.json("status")["sessions"]
    return dict(found)


def test_a_daemon_that_an_agent_leaves_behind(tg: Installation, sim: simulator.Process, tmp_path: Path) -> None:
    """It is not waited for though it holds our output open; it is named, and what it spends counts and is guarded."""
    door, shown = tmp_path / "door", tmp_path / "shown"
    os.mkfifo(door)
    with shown.open("w") as output, open(os.open(door, os.O_RDWR), "w") as opened:
        hub = [sys.executable, str(AGENT), "anthropic", PROMPT, "PAUSE", PROMPT]
        run = started(
            tg, sys.executable, "-c", LEAVES_A_DAEMON, str(door), *hub, stdin=None, stdout=output, stderr=output
        )
        assert run.wait(30) == 0
        until(lambda: "paused" in shown.read_text())
        (left,) = one(tg)["left"]
        line = f"tokenguard: agent.py (pid {left['pid']}) still runs: what it spends counts in this session"
        assert line in shown.read_text().splitlines()
        before = one(tg)
        assert (before["state"], before["pid"], before["calls"]) == ("ended", left["pid"], 1)
        assert re.search(r"ended · agent\.py \(pid \d+\) still runs", tg("status").stdout)
        tg("budget", "set", "calls", "--limit", "2 calls", "--window", "day")
        opened.write("\n")
        opened.flush()
        until(lambda: one(tg)["calls"] == 2)
        until(lambda: not psutil.pid_exists(left["pid"]))
    assert [line.split()[0] for line in shown.read_text().splitlines() if line[:1] == "2"] == ["200", "200"]
    assert tg.json("report", "--by", "session")["rows"][0]["cost_nanos"] == sim.bill().total_nanos
    assert one(tg)["left"] == []


def test_a_suspended_agent_is_shown_as_such(tg: Installation, sim: simulator.Process) -> None:
    run = paused(tg)
    agent = one(tg)["pid"]
    os.kill(agent, signal.SIGSTOP)
    until(lambda: one(tg)["state"] == "suspended")
    assert "suspended" in tg("status").stdout
    until(lambda: psutil.Process(run.pid).status() == psutil.STATUS_STOPPED)
    run.send_signal(signal.SIGCONT)
    until(lambda: one(tg)["state"] == "running")
    out, told = run.communicate("\n", timeout=30)
    assert (run.returncode, out[:3], "in 2 calls" in told) == (0, "200", True)


def test_an_agent_that_is_killed_ends_its_session(tg: Installation, sim: simulator.Process) -> None:
    run = paused(tg)
    os.kill(one(tg)["pid"], signal.SIGKILL)
    assert run.wait(30) == -signal.SIGKILL
    run.communicate()
    assert [row[1:] for row in sessions(tg)] == [(137, 1)]


def test_an_agent_whose_run_is_killed_goes_on_guarded_until_it_ends(tg: Installation, sim: simulator.Process) -> None:
    tg.configure(sim.url, daemon="idle_exit = 1")
    run = paused(tg)
    agent = psutil.Process(one(tg)["pid"])
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait(30) == -signal.SIGKILL
    assert (one(tg)["state"], one(tg)["pid"]) == ("running", agent.pid)
    tg("budget", "set", "calls", "--limit", "1 calls", "--window", "day")
    assert run.stdin and run.stdout
    run.stdin.write("\n")
    run.stdin.flush()
    assert run.stdout.readline().startswith("400")
    until(lambda: not agent.is_running() or agent.status() == psutil.STATUS_ZOMBIE)
    until(lambda: all(over for *_, over in sessions(tg)), "the session ends with its agent")
    run.communicate(timeout=30)


@pytest.mark.parametrize("dialect", ["anthropic", "responses"])
def test_a_token_that_has_expired_is_a_clear_line(tg: Installation, sim: simulator.Process, dialect: str) -> None:
    address = tg("run", "--", "sh", "-c", "echo $ANTHROPIC_BASE_URL $OPENAI_BASE_URL").stdout.split()
    env = {**tg.env, "ANTHROPIC_BASE_URL": address[0], "OPENAI_BASE_URL": address[1]}
    done = subprocess.run([sys.executable, str(AGENT), dialect, PROMPT], env=env, capture_output=True, text=True)
    assert "its session is over. Start the agent again with tokenguard run" in done.stdout
    assert len(done.stdout.splitlines()) == 1 and not sim.requests()
    assert "which is over: it is refused" in tg("daemon", "logs").stdout
