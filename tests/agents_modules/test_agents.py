"""The table of agents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tokenguard import agents
from tokenguard.agents import claude, generic
from tokenguard.wire import DIALECTS


@pytest.mark.parametrize(
    ("command", "name"),
    [("claude", "claude"), ("/opt/bin/codex", "codex"), ("gemini", "gemini"), ("./tools/my-agent", "my-agent")],
)
def test_a_command_tells_the_agent(command: str, name: str) -> None:
    known = agents.Agents()
    found, agent = known.started_by(command)
    assert found == name
    assert agent is known.named(name)


def test_an_unknown_name_is_the_generic_agent() -> None:
    assert agents.Agents().named("no-such-agent") is generic
    assert agents.Agents().named("claude") is claude


@pytest.mark.parametrize("agent", [*agents.AGENTS.values(), generic], ids=lambda agent: agent.NAME)
def test_every_agent_has_the_shape(agent: agents.Agent) -> None:
    assert set(agent.DIALECTS) <= set(DIALECTS)
    assert 0 < agent.HOLD_SECONDS <= 300
    assert agent.INSTALL and not agent.INSTALL.endswith(".")
    assert agent.refuse("no such dialect", "text") is None


@pytest.mark.parametrize("agent", agents.AGENTS.values(), ids=lambda agent: agent.NAME)
def test_every_agent_can_be_tried_out(agent: agents.Agent) -> None:
    trial = agent.trial("sk-made-up-key-0123456789-0123456789", Path("/made/up"))
    assert trial is not None
    assert any("0123456789-0123456789" in text for text in (*trial.env.values(), *trial.files.values()))
    assert not any(Path(name).is_absolute() or ".." in name for name in trial.files)
    assert agent.LOGIN and not agent.LOGIN.endswith(".")
    assert re.fullmatch(r"(\d+(\.\d+)*)?", agent.MINIMUM)
