"""The table of agents."""

from __future__ import annotations

import pytest

from tokenguard import agents
from tokenguard.agents import claude, generic
from tokenguard.wire import DIALECTS


@pytest.mark.parametrize(
    ("command", "name"),
    [("claude", "claude"), ("/opt/bin/codex", "codex"), ("gemini", "gemini"), ("./tools/my-agent", "my-agent")],
)
def test_a_command_tells_the_agent(command: str, name: str) -> None:
    found, agent = agents.started_by(command)
    assert found == name
    assert agent is agents.named(name)


def test_an_unknown_name_is_the_generic_agent() -> None:
    assert agents.named("aider") is generic
    assert agents.named("claude") is claude


@pytest.mark.parametrize("agent", [*agents.AGENTS.values(), generic], ids=lambda agent: agent.NAME)
def test_every_agent_has_the_shape(agent: agents.Agent) -> None:
    assert set(agent.DIALECTS) <= set(DIALECTS)
    assert 0 < agent.HOLD_SECONDS <= 300
    assert agent.INSTALL and not agent.INSTALL.endswith(".")
    assert agent.refuse("no such dialect", "text") is None
