"""Unmodified agents: the ledger equals the provider's bill, and a refusal stops them at once and in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.roster import CLAUDE, KEY
from tests.agents.stage import STOPPED, Stage, calls, shown

pytestmark = pytest.mark.real_agents

REFUSED = f"{STOPPED}the day budget of repository web is used up"
NOTHING_ALLOWED = f"{STOPPED}the session budget allows nothing"
STRICTEST = '[loops]\nrepeats = 2\nidentical = 2\nfailures = 2\nat_limit = "refuse"\n'


def test_a_plain_answer(stage: Stage, tmp_path: Path) -> None:
    """With all calls that the user does not see."""
    done = stage.run("say hello, said the planted prompt", "--summary", str(tmp_path / "cost.json"))
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    assert stage.ledger() == stage.bill()
    assert (stage.own(), calls(stage.bill())) == (1 + stage.agent.first, 1 + stage.agent.extra)
    summary = json.loads((tmp_path / "cost.json").read_text())
    assert (summary["agent"], summary["exit_code"]) == (stage.agent.in_ledger, 0)
    # A model is either billed or notional here.
    told = summary["cost_nanos"] + sum(model.get("notional_nanos", 0) for model in summary["models"])
    assert told == sum(spent.nanos for spent in stage.bill().values())
    assert stage.strangers == []
    assert stage.secrets(KEY, "planted prompt", "Here is the answer") == []


@pytest.mark.needs("tools")
def test_tools(stage: Stage) -> None:
    """An agent at work is not taken for one that runs in circles, be the rules as strict as they can be."""
    stage.configure(STRICTEST)
    done = stage.run("look around [sim:turns=3]")
    assert (done.returncode, "simulated-step-3" in shown(done)) == (0, True), done
    assert stage.ledger() == stage.bill()
    assert stage.own() == 4 + stage.agent.first
    assert calls(stage.bill()) == 4 + stage.agent.extra == stage.asked()
    assert stage.remarks() == []
    assert stage.strangers == []


def test_a_refusal_at_the_first_turn(stage: Stage) -> None:
    done = stage.run("say hello", "--budget", "0", "--yes")
    assert done.returncode == stage.agent.stopped, done
    assert NOTHING_ALLOWED in shown(done)
    assert "tokenguard budget raise" in shown(done)
    assert stage.bill() == {} == stage.ledger()
    assert 1 <= stage.refused() <= stage.agent.attempts * (1 + stage.agent.beside)
    assert stage.strangers == []


@pytest.mark.needs("tools")
def test_a_refusal_at_a_later_turn(stage: Stage) -> None:
    stage.limit(2 + stage.agent.first)
    done = stage.run("look around [sim:turns=4]")
    assert done.returncode == stage.agent.stopped, done
    assert REFUSED in shown(done)
    assert stage.ledger() == stage.bill()
    assert stage.own() == 2 + stage.agent.first
    assert 1 <= stage.refused() <= stage.agent.attempts
    assert stage.asked() == calls(stage.bill()) + stage.refused()
    assert stage.strangers == []


@pytest.mark.parametrize("agent", [CLAUDE], indirect=True, ids=["claude"])
def test_claude_as_a_first_party(stage: Stage) -> None:
    """As users run it: it asks its maker for the organisation's rules, as it does without us, and nobody else."""
    del stage.env["_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL"]
    done = stage.run("say hello")
    assert done.returncode == 0, done
    assert stage.ledger() == stage.bill()
    assert set(stage.gate.asked) == {"api.anthropic.com:443"}
