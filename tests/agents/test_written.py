"""Real agents without `run`, whose settings `tokenguard env --write` has written; and afterwards, undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.agents.isolation import Gate
from tests.agents.roster import CLINE_OPENAI, CONTINUE, KEY, KILO, RealAgent
from tests.agents.roster.continue_ import CONTINUE_CHAT
from tests.agents.stage import Alone, calls, shown
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

pytestmark = pytest.mark.real_agents

_KILO = replace(
    KILO,
    env={name: value for name, value in KILO.env.items() if value != KEY},
    files={
        **KILO.files,
        ".config/kilo/.bash-permission-migrated": "",
        ".local/share/kilo/auth.json": json.dumps({"anthropic": {"type": "api", "key": KEY}}),
    },
)
"""With the key that its user has given it by `kilo auth login`."""
_CLINE = replace(CLINE_OPENAI, env={**CLINE_OPENAI.env, "CLINE_SESSION_BACKEND_MODE": "local"})

FILES = {"kilo": ".config/kilo/kilo.jsonc", "cline-openai": ".cline/data/settings/providers.json"}
PROVIDERS = {"kilo": "api.anthropic.com", "cline-openai": "api.openai.com"}

both = pytest.mark.parametrize("agent", [_KILO, _CLINE], indirect=True, ids=["kilo", "cline"])


@pytest.fixture
def stage(agent: RealAgent, path: str, providers: simulator.Process, tmp_path: Path) -> Iterator[Alone]:
    providers.reset()
    installation = Installation(tmp_path / "tokenguard", providers.url)
    installation.fix_port()
    installation("daemon", "start")
    made = Alone(agent, path, providers, installation, Gate(), tmp_path / "home")
    yield made
    made.close()


def ask(stage: Alone, option: str) -> str:
    """What `tokenguard env` says, in the home of the agent's user."""
    home = str(stage.env["HOME"])
    return stage.installation("env", option, stage.agent.in_ledger, env={"HOME": home}).stdout


@both
def test_its_calls_are_a_session_of_its_own(stage: Alone) -> None:
    assert ": written\n" in ask(stage, "--write")
    done = stage.run("say hello")
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    session = stage.session
    assert (session["agent"], session["wrapped"]) == (stage.agent.in_ledger, False), json.dumps(session)
    assert (session["repo"], session["branch"]) == (str(stage.installation.work.resolve()), "main")
    assert session["calls"] == calls(stage.bill()) > 0
    assert stage.ledger() == stage.bill()
    assert stage.secrets(KEY) == []


@both
def test_once_undone_it_asks_its_provider_again(stage: Alone) -> None:
    file = Path(stage.env["HOME"]) / FILES[stage.agent.name]
    before = file.read_bytes()
    ask(stage, "--write")
    assert file.read_bytes() != before
    assert "byte for byte" in ask(stage, "--undo")
    assert file.read_bytes() == before
    stage.start("say hello")
    host = f"{PROVIDERS[stage.agent.name]}:443"
    until(lambda: host in stage.gate.asked, f"it asks {host}", seconds=90)
    assert stage.bill() == {}


@pytest.mark.parametrize("agent", [CONTINUE, CONTINUE_CHAT], ids=lambda agent: agent.name)
def test_continues_calls_come_here_until_that_is_undone(stage: Alone, tmp_path: Path) -> None:
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
