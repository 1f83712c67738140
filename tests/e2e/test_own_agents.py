"""An agent that the user has defined, from outside: its recipe, its refusal, and how long its calls wait."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.support.installation import AGENT, Installation
from tokenguard import simulator

DEFINITION = """
[agents.house]
commands = ["house-coder"]
args = ["chat"]
env = { HOUSE_URL = "{url}/openai/v1" }
refusal = 402
hold_seconds = 2
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A PATH with the agent, which reads its own variable only."""
    program = tmp_path / "bin/house-coder"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nOPENAI_BASE_URL="$HOUSE_URL" exec {sys.executable} {AGENT} "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def test_its_calls_are_metered_under_its_name(tg: Installation, sim: simulator.Process, env: dict[str, str]) -> None:
    tg.configure(sim.url, settings=DEFINITION)
    assert tg("run", "house", "hello", "again", env=env).stdout.count("200 ") == 2
    (row,) = tg.json("report", "--by", "agent")["rows"]
    assert (row["agent"], row["calls"], row["cost_nanos"]) == ("house", 2, sim.bill().total_nanos)


def test_it_is_refused_with_the_status_that_makes_it_stop(
    tg: Installation, sim: simulator.Process, env: dict[str, str]
) -> None:
    tg.configure(sim.url, settings=DEFINITION)
    done = tg("run", "--budget", "0", "--yes", "house-coder", "hello", env=env, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("402 ") and "tokenguard stopped this request: the session budget" in done.stdout
    assert sim.bill().calls == ()


def test_a_call_of_it_waits_no_longer_than_it_would(
    tg: Installation, sim: simulator.Process, env: dict[str, str]
) -> None:
    tg.configure(sim.url, settings=f'{DEFINITION}\n[preflight]\nabove = "$0.0001"\nat_limit = "hold"\n')
    since = time.monotonic()
    done = tg("run", "house", "hello", env=env, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("402 ") and "nobody approved it in time" in done.stdout
    assert 2 <= time.monotonic() - since < 30


def test_a_repository_cannot_define_one(tg: Installation, env: dict[str, str]) -> None:
    (tg.work / "tokenguard.toml").write_text(DEFINITION)
    done = tg("run", "house-coder", "hello", env=env, check=False)
    assert done.returncode != 0
    assert "a repository can only add budgets" in done.stderr
