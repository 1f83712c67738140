"""Real agents under `tokenguard run`, against the simulator: `make test-agents`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.installing import Unreachable, search_path
from tests.agents.isolation import Gate, leave_the_network
from tests.agents.roster import ROSTER, RealAgent
from tests.agents.stage import Stage
from tests.support.installation import Installation
from tokenguard import simulator


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_agents: installs real agents from npm and runs them; only with -m")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Real agents run only where they are asked for: they are a gigabyte to fetch."""
    if "real_agents" in str(config.getoption("-m")):
        return
    for item in items:
        if item.get_closest_marker("real_agents"):
            item.add_marker(pytest.mark.skip(reason="real agents: make test-agents"))


@pytest.fixture(scope="session")
def path() -> str:
    """A PATH with the agents. After that, this process is out of the network."""
    try:
        found = search_path(ROSTER)
    except Unreachable as error:
        pytest.skip(str(error))
    leave_the_network()
    return found


@pytest.fixture(scope="session")
def providers(path: str) -> Iterator[simulator.Process]:
    with simulator.spawn(seed=1) as running:
        yield running


@pytest.fixture(params=ROSTER, ids=lambda agent: agent.name)
def agent(request: pytest.FixtureRequest) -> RealAgent:
    found: RealAgent = request.param
    return found


@pytest.fixture
def stage(agent: RealAgent, path: str, providers: simulator.Process, tmp_path: Path) -> Iterator[Stage]:
    providers.reset()
    installation = Installation(tmp_path / "tokenguard", providers.url)
    made = Stage(agent, path, providers, installation, Gate(), tmp_path / "home")
    yield made
    made.close()
