"""`tokenguard agents check`, as the user of an agent runs it: all is well with every one of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents.installing import own_first
from tests.agents.roster import ROSTER, RealAgent
from tokenguard.agents import Agents

pytestmark = pytest.mark.real_agents

_FIRST = {agent.before[0]: agent for agent in reversed(ROSTER)}
"""Some agents are in the roster in several ways."""


@pytest.mark.parametrize("agent", _FIRST.values(), ids=lambda agent: agent.name)
def test_an_agent_comes_through_and_stops(agent: RealAgent, path: str, tmp_path: Path) -> None:
    name, module = Agents().started_by(agent.before[0])
    done = subprocess.run(
        [sys.executable, "-m", "tokenguard", "agents", "check", "--json", name],
        env={
            "PATH": own_first(agent.package, path),
            "TOKENGUARD_HOME": str(tmp_path),
            "HOME": str(tmp_path),
            "LANG": os.environ.get("LANG", "C"),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["agent"]) == (0, True, name), told
    pinned = re.search(r"[@=](\d[\w.]*)", agent.package)
    assert pinned is not None and told["version"] == pinned[1]
    answer, refusal = told["answer"], told["refusal"]
    assert answer["calls"] == answer["billed"] >= 1
    assert (1 <= refusal["refused"] <= 2, refusal["billed"]) == (True, 0)
    assert refusal["exit_code"] == agent.stopped
    assert module.INSTALL and all(check["remedy"] for check in told["checks"] if check["state"] != "ok")
