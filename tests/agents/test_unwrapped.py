"""Real agents without `run`, whose user has given them the address of the fixed port."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.isolation import Gate
from tests.agents.roster import RealAgent
from tests.agents.stage import STOPPED, Alone, calls, shown
from tests.support.installation import Installation
from tokenguard import simulator

pytestmark = [pytest.mark.real_agents, pytest.mark.needs("elsewhere")]


def provider(model: str) -> str:
    """Which provider serves a model."""
    names = {"claude": "anthropic", "gpt": "openai", "gemini": "gemini", "kimi": "kimi", "mistral": "mistral"}
    return "bedrock" if model.startswith("us.") else names[model.partition("-")[0]]


@pytest.fixture
def stage(agent: RealAgent, path: str, providers: simulator.Process, tmp_path: Path) -> Iterator[Alone]:
    providers.reset()
    installation = Installation(tmp_path / "tokenguard", providers.url)
    installation("daemon", "start")
    port = installation.json("daemon", "status")["daemon"]["port"]
    there = agent.going_elsewhere(f"http://127.0.0.1:{port}/{provider(agent.model)}")
    made = Alone(there, path, providers, installation, Gate(), tmp_path / "home")
    yield made
    made.close()


def test_its_calls_are_a_session_of_its_own(stage: Alone) -> None:
    done = stage.run("say hello")
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    session = stage.session
    assert (session["agent"], session["wrapped"]) == (stage.agent.in_ledger, False), json.dumps(session)
    assert (session["repo"], session["branch"]) == (str(stage.installation.work.resolve()), "main")
    assert session["calls"] == calls(stage.bill())
    assert stage.ledger() == stage.bill()


def test_a_budget_of_its_repository_stops_it_in_its_manner(stage: Alone) -> None:
    stage.installation("budget", "set", "none", "--limit", "0 calls", "--scope", "repo", "--window", "day", "--yes")
    done = stage.run("say hello")
    assert done.returncode == stage.agent.stopped, done
    assert STOPPED in shown(done)
    assert stage.bill() == {}
