"""Calls at the same time: several tools in one answer, sub-agents, and several agents in one repository."""

from __future__ import annotations

import pytest

from tests.agents.stage import STOPPED, Stage, calls, shown
from tests.support.waiting import until

pytestmark = pytest.mark.real_agents


@pytest.mark.needs("tools", "parallel")
def test_several_tools_in_one_answer(stage: Stage) -> None:
    done = stage.run("look around [sim:turns=2][sim:parallel=3]")
    assert (done.returncode, "simulated-step-2" in shown(done)) == (0, True), done
    assert stage.ledger() == stage.bill()
    assert stage.own() == 3 + stage.agent.first
    assert calls(stage.bill()) == 3 + stage.agent.extra == stage.asked()


def test_agents_in_one_repository_share_its_budget(stage: Stage) -> None:
    """To the call: what one of them reserves, the other cannot have."""
    turns = 0 if "tools" in stage.agent.lacks else 2
    limit = 2 * stage.agent.first + turns + 1
    stage.limit(limit)
    runs = [stage.start(f"say hello [sim:turns={turns}]")]
    if stage.agent.settles:
        until(stage.seen, "the first has asked", seconds=90)
    runs.append(stage.start(f"say hello [sim:turns={turns}]"))
    done = [stage.end(run) for run in runs]
    # It is used up, or has too little left as long as the other one's last call is in flight.
    stopped = [one for one in done if f"{STOPPED}the day budget of repository web" in shown(one)]
    assert stopped and all(one.returncode == stage.agent.stopped for one in stopped), done
    assert all(one.returncode == 0 for one in done if one not in stopped), done
    assert stage.own() == limit
    assert 1 <= stage.refused() <= 2 * stage.agent.attempts
    assert stage.asked() == calls(stage.bill()) + stage.refused()
    assert stage.ledger() == stage.bill()
    assert stage.open() == 0


@pytest.mark.needs("sub-agents")
def test_sub_agents_at_work(stage: Stage) -> None:
    """Each has calls of its own, all of them in the session of the agent that started it."""
    done = stage.run(f"ask others [sim:delegate={stage.agent.sub_agent}][sim:parallel=2]")
    assert done.returncode == 0, done
    assert stage.ledger() == stage.bill()
    assert calls(stage.bill()) >= 4 + stage.agent.extra
    assert calls(stage.bill()) == stage.asked()
    assert stage.sessions() == 1
