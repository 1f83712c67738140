"""Continue with the settings that we have written, which its extensions in editors read as its command line does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.isolation import Gate
from tests.agents.roster import CONTINUE, RealAgent
from tests.agents.roster.continue_ import CONTINUE_CHAT
from tests.agents.stage import Alone, calls, shown
from tests.support.installation import Installation
from tokenguard import simulator

pytestmark = pytest.mark.real_agents


@pytest.fixture
def stage(agent: RealAgent, path: str, providers: simulator.Process, tmp_path: Path) -> Iterator[Alone]:
    providers.reset()
    installation = Installation(tmp_path / "tokenguard", providers.url)
    installation.fix_port()
    installation("daemon", "start")
    made = Alone(agent, path, providers, installation, Gate(), tmp_path / "home")
    yield made
    made.close()


@pytest.mark.parametrize("agent", [CONTINUE, CONTINUE_CHAT], ids=lambda agent: agent.name)
def test_its_calls_come_here_until_that_is_undone(stage: Alone, tmp_path: Path) -> None:
    settings = tmp_path / "home" / ".continue" / "config.yaml"
    before = settings.read_bytes()
    home = {"HOME": str(tmp_path / "home")}
    stage.installation("env", "--write", "continue", env=home)
    done = stage.run("say hello")
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    assert stage.session["calls"] == calls(stage.bill()) > 0
    assert stage.ledger() == stage.bill()
    stage.installation("env", "--undo", "continue", env=home)
    assert settings.read_bytes() == before
