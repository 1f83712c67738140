"""`tokenguard run` within `tokenguard run`: real processes, a real daemon, and a simulator whose bill is the truth."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installation import AGENT, Installation
from tests.support.waiting import until
from tokenguard import simulator

PROMPT = "Explain the plan. " * 40
DEAR = PROMPT + "[sim:output=1000]"


def script(*lines: list[str]) -> list[str]:
    """Arguments of `run` for a shell that does one thing after the other."""
    return ["run", "--", "sh", "-c", "\n".join(map(shlex.join, lines))]


def agent(dialect: str, *prompts: str) -> list[str]:
    return [sys.executable, str(AGENT), dialect, *prompts]


def test_what_the_inner_run_costs_is_told_of_both(tg: Installation, sim: simulator.Process) -> None:
    inner = tg.command("run", "--task", "inside", "--", *agent("responses", PROMPT, PROMPT))
    done = tg(*script(agent("anthropic", PROMPT), inner))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["200"] * 3
    told, whole = done.stderr.strip().splitlines()
    assert re.fullmatch(r"tokenguard  \$[0-9.]+ in 2 calls  \(gpt-6.1-sol\)", told)
    assert re.match(r"tokenguard  \$[0-9.]+ in 3 calls, \$[0-9.]+ of it in 2 calls of python[\d.]* within  \(", whole)
    rows = tg.json("report", "--by", "session,task")["rows"]
    assert sorted((row["task"], row["calls"]) for row in rows) == [("inside", 2), ("~other", 1)]
    assert sum(row["cost_nanos"] for row in rows) == sim.bill().total_nanos


def test_the_limit_of_the_outer_run_stops_the_inner_one(tg: Installation, sim: simulator.Process) -> None:
    inner = tg.command("run", "--", *agent("anthropic", *[DEAR] * 8))
    done = tg(*["run", "--budget", "0.10", *script(inner)[1:]], check=False)
    statuses = [line.split()[0] for line in done.stdout.splitlines()]
    allowed = statuses.count("200")
    assert 1 <= allowed < 8 and statuses == ["200"] * allowed + ["400"] * (8 - allowed)
    assert len(sim.requests()) == allowed
    assert "tokenguard stopped this request: the session budget" in done.stdout
    inner_line, outer_line = done.stderr.strip().splitlines()
    assert "the run around it" in inner_line and "this run" in outer_line


def test_status_shows_what_is_within_what(tg: Installation, sim: simulator.Process) -> None:
    inner = tg.command("run", "--", *agent("anthropic", PROMPT, "PAUSE"))
    outer = subprocess.Popen(
        tg.command(*script(inner)), env=tg.env, cwd=tg.work,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert (told := outer.stdout)
    until(lambda: told.readline() == "paused\n")
    around, within = tg.json("status")["sessions"]
    assert (around["parent"], within["parent"], around["agent"]) == (None, around["id"], "sh")
    assert (around["calls"], within["calls"]) == (0, 1)
    shown = tg("status").stdout.splitlines()
    assert shown[-2].startswith("  sh ") and re.match(r"  └ python", shown[-1])
    assert outer.communicate("\n", timeout=30)[1].count("tokenguard  ") == 2


@pytest.mark.parametrize("name", ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"])
def test_the_inner_run_keeps_the_users_own_address(tg: Installation, sim: simulator.Process, name: str) -> None:
    """Nothing else says where calls go: without it they would leave for the provider itself."""
    (tg.home / "config.toml").write_text("[daemon]\nport = 0\n")
    inner = tg.command("run", "--", *tg.command("run", "--", *agent("anthropic", PROMPT)))
    done = tg(*script(agent("anthropic", PROMPT), inner), env={name: sim.url, "HTTPS_PROXY": "http://127.0.0.1:1"})
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["200", "200"]
    assert len(sim.bill().calls) == 2
    assert tg.json("report")["total"]["cost_nanos"] == sim.bill().total_nanos


def test_an_inner_run_that_outlives_the_outer_one(tg: Installation, sim: simulator.Process, tmp_path: Path) -> None:
    """The outer one ends with its agent, says what goes on within it, and its limit still holds there."""
    door, shown = tmp_path / "door", tmp_path / "shown"
    os.mkfifo(door)
    inner = tg.command("run", "--", *agent("anthropic", DEAR, "PAUSE", *[DEAR] * 8))
    background = f"{shlex.join(inner)} <{door} >{shown} 2>&1 &"
    with open(os.open(door, os.O_RDWR), "w") as opened:
        outer = tg(
            "run", "--budget", "0.10", "--", "sh", "-c", f"{background}\nuntil grep -q paused {shown}; do :; done"
        )
        assert re.search(
            r"^tokenguard: python[\d.]* \(pid \d+\) still runs, in a session of its own within", outer.stderr, re.M
        )
        around, within = tg.json("status")["sessions"]
        assert (around["state"], within["parent"], within["state"]) == ("ended", around["id"], "running")
        assert [left["session"] for left in around["left"]] == [within["id"]]
        opened.write("\n")
        opened.flush()
        until(lambda: "the run around it" in shown.read_text())
    statuses = [line.split()[0] for line in shown.read_text().splitlines() if line[:3] in ("200", "400")]
    assert statuses[0] == "200" and statuses[-1] == "400" and len(statuses) == 9
    assert tg.json("report")["total"]["cost_nanos"] == sim.bill().total_nanos
