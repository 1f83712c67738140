"""Real agents under `tokenguard run`, against the simulator: `make test-agents`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from tests.agents.installing import Unreachable, missing, search_path
from tests.agents.isolation import Gate, leave_the_network
from tests.agents.roster import ROSTER, RealAgent
from tests.agents.roster.shape import Ability
from tests.agents.stage import Stage
from tests.agents.subset import FAST, check, runs
from tests.support.installation import Installation
from tokenguard import simulator

_PACKAGES = pytest.StashKey[Iterable[str]]()
"""What the tests that run need."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--agents", default=FAST, help="real agents to run: fast, all, or names with commas between")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "real_agents: installs real agents from npm and PyPI, and runs them; only with -m"
    )
    config.addinivalue_line("markers", "needs(*abilities): what the agent must be able to do")
    config.addinivalue_line("markers", "packages(*packages): what is installed besides the agent")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Real agents run only where they are asked for: they are gigabytes to fetch."""
    ours = [item for item in items if item.get_closest_marker("real_agents")]
    if "real_agents" not in str(config.getoption("-m")):
        for item in ours:
            item.add_marker(pytest.mark.skip(reason="real agents: make test-agents"))
        return
    known = [*ROSTER, *(agent for item in ours if (agent := _agent_of(item)) is not None)]
    option = str(config.getoption("--agents", FAST))
    try:
        check(option, list(dict.fromkeys(agent.name for agent in known)))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    left_out = [item for item in ours if not _runs(option, item)]
    config.hook.pytest_deselected(items=left_out)
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]
    agents = {agent.name: agent for item in items if (agent := _agent_of(item)) is not None}
    reasons = {name: missing(agent) for name, agent in agents.items()}
    for item in items:
        if (agent := _agent_of(item)) is not None and (why := reasons[agent.name]):
            item.add_marker(pytest.mark.skip(reason=why))  # what its agent lacks here, in words
    besides = [package for item in items for mark in item.iter_markers("packages") for package in mark.args]
    config.stash[_PACKAGES] = [*(agent.package for name, agent in agents.items() if not reasons[name]), *besides]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What an agent cannot do is left out, and why is said."""
    agent = _agent_of(item)
    for needed in item.iter_markers("needs"):
        assert set(needed.args) <= set(get_args(Ability))
        for ability in needed.args:
            if agent is None:
                continue
            if why := agent.lacks.get(ability):
                pytest.skip(f"{agent.name} lacks {ability}: {why}")
            assert ability != "elsewhere" or agent.elsewhere is not None, "say how, or why it lacks that"
            assert ability != "sub-agents" or agent.sub_agent is not None, "say which, or why it lacks them"


def _runs(option: str, item: pytest.Item) -> bool:
    agent, function = _agent_of(item), getattr(item, "originalname", item.name)
    return agent is None or runs(option, agent.name, item.path.stem, function)


def _agent_of(item: pytest.Item) -> RealAgent | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("agent") if callspec else None


@pytest.fixture(scope="session")
def path(pytestconfig: pytest.Config) -> str:
    """A PATH with the agents. After that, this process is out of the network."""
    try:
        found = search_path(pytestconfig.stash[_PACKAGES])
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
