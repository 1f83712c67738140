"""Agents that use our server: they find its tools, and it finds their session."""

from __future__ import annotations

import json
import sys

import pytest
from msgspec.structs import replace

from tests.agents.roster import CLAUDE
from tests.agents.stage import Stage, shown

pytestmark = pytest.mark.real_agents

SERVER = {"mcpServers": {"tokenguard": {"command": sys.executable, "args": ["-m", "tokenguard", "mcp"]}}}
CLAUDE_ASKS = replace(
    CLAUDE,
    after=("--mcp-config", json.dumps(SERVER), "--allowedTools", "mcp__tokenguard__get_budget"),
    # Else it offers a tool that finds tools, in place of those of servers.
    env={**CLAUDE.env, "ENABLE_TOOL_SEARCH": "false"},
)


@pytest.mark.parametrize("agent", [CLAUDE_ASKS], ids=lambda agent: agent.name)
def test_it_sees_the_budget_of_its_own_run(stage: Stage) -> None:
    stage.configure('[[budget]]\nname = "day"\nlimit = "$20"\nwindow = "day"\n')
    done = stage.run("what is left? [sim:use=get_budget]", "--budget", "3")
    told = shown(done)
    assert done.returncode == 0, done
    assert "The command printed: session " in told and "of claude in web" in told, told
    assert stage.ledger() == stage.bill()
