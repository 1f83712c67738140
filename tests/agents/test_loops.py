"""A model that calls the same tool with the same arguments again and again: its agent is stopped, or a person asked."""

from __future__ import annotations

import pytest

from tests.agents.stage import STOPPED, Stage, calls, shown

pytestmark = [pytest.mark.real_agents, pytest.mark.needs("tools")]


def said(stage: Stage, times: int) -> str:
    return f"the tool {stage.agent.shell} was called {times} times in a row with the same arguments"


def test_a_loop_is_stopped_and_the_agent_told_what_repeats(stage: Stage) -> None:
    stage.configure('[loops]\nrepeats = 3\nat_limit = "refuse"\n')
    done = stage.run("look around [sim:loop=30]")
    assert done.returncode == stage.agent.stopped, done
    assert f"{STOPPED}{said(stage, 3)}; a new prompt goes on" in shown(done)
    assert 1 <= stage.refused() <= stage.agent.attempts
    assert stage.own() == 3 + stage.agent.first
    assert calls(stage.bill()) == stage.asked() - stage.refused()
    assert stage.ledger() == stage.bill()


@pytest.mark.needs("loops")
def test_a_loop_waits_for_a_person_who_may_let_it_go_on(stage: Stage) -> None:
    stage.configure('[loops]\nrepeats = 2\nat_limit = "hold"\n')
    run = stage.start("look around [sim:loop=4]")
    for times in (2, 4):
        hold = stage.held(run)
        assert (hold["budget"], said(stage, times) in hold["reason"]) == (None, True), hold
        assert stage.own() == times + stage.agent.first
        stage.installation("approve", hold["id"])
    done = stage.end(run)
    assert (done.returncode, "simulated-step-1" in shown(done)) == (0, True), done
    assert stage.asked() == calls(stage.bill()) == 5 + stage.agent.extra
    assert stage.ledger() == stage.bill()


def test_a_loop_is_remarked_upon_and_goes_on(stage: Stage) -> None:
    """As it is where nothing is configured, but sooner."""
    stage.configure("[loops]\nrepeats = 3\n")
    done = stage.run("look around [sim:loop=4]")
    assert (done.returncode, "simulated-step-1" in shown(done)) == (0, True), done
    assert stage.remarks() == [f"{said(stage, 3)}; stop the agent if that is not meant"]
    assert stage.ledger() == stage.bill()
