"""Users whose own settings name another address: it is kept, and what goes there is guarded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.isolation import Gate
from tests.agents.roster import RealAgent
from tests.agents.stage import STOPPED, Stage, calls, shown
from tests.support.installation import Installation
from tokenguard import simulator

pytestmark = [pytest.mark.real_agents, pytest.mark.needs("elsewhere")]


@pytest.fixture
def stage(agent: RealAgent, path: str, providers: simulator.Process, tmp_path: Path) -> Iterator[Stage]:
    providers.reset()
    there = agent.going_elsewhere(f"{providers.url}/own")
    installation = Installation(tmp_path / "tokenguard", "")
    made = Stage(there, path, providers, installation, Gate(), tmp_path / "home", "")
    yield made
    made.close()


def test_calls_go_to_the_address_of_the_user(stage: Stage) -> None:
    done = stage.run("say hello")
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    assert all(one.path.startswith("/own/") for one in stage.seen())
    assert (stage.own(), calls(stage.bill())) == (1 + stage.agent.first, 1 + stage.agent.extra)
    assert stage.ledger() == stage.bill()
    assert stage.strangers == []


def test_it_is_guarded_there_too(stage: Stage) -> None:
    done = stage.run("say hello", "--budget", "0", "--yes")
    assert done.returncode == stage.agent.stopped, done
    assert f"{STOPPED}the session budget allows nothing" in shown(done)
    assert stage.bill() == {}
