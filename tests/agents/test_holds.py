"""Calls that wait for a person: the agent waits with them, and then goes on as if nothing had been."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.agents.isolation import said_on_loopback
from tests.agents.roster import GEMINI
from tests.agents.stage import STOPPED, Stage, calls, descendants, shown
from tests.support.waiting import until
from tokenguard import agents, simulator

pytestmark = pytest.mark.real_agents

QUIET = 1.5
"""Seconds of a wait in which nobody may say anything."""

USED_UP = "The day budget of repository web is used up"


def ctrl_c(run: subprocess.Popen[str]) -> None:
    os.killpg(run.pid, signal.SIGINT)


def kill(run: subprocess.Popen[str]) -> None:
    for process in descendants(run):
        process.kill()


def test_an_approved_call_goes_on(stage: Stage, providers: simulator.Process) -> None:
    before = stage.agent.first + 1
    run, hold, said = stage.start_until_held()
    assert (hold["agent"], hold["model"], hold["budget"]) == (stage.agent.in_ledger, stage.agent.model, "web/few")
    assert hold["reason"].startswith(USED_UP[0].lower() + USED_UP[1:])
    told = stage.installation("status").stdout
    assert f"tokenguard approve {hold['id']} · tokenguard deny {hold['id']}" in told

    assert stage.own() == before
    before_that = said_on_loopback()
    time.sleep(QUIET)
    assert said_on_loopback() == before_that
    assert [one["id"] for one in stage.installation.json("status")["holds"]] == [hold["id"]]
    assert stage.own() == before

    stage.installation("approve", hold["id"], "--reason", "release")
    done = stage.end(run)
    assert (done.returncode, said in shown(done)) == (0, True), done
    assert stage.own() == before + 1
    assert stage.asked() == calls(stage.bill())
    assert stage.ledger() == stage.bill()
    assert stage.installation.json("status")["holds"] == []
    assert stage.strangers == []


def test_a_denied_call_stops_the_agent(stage: Stage) -> None:
    before = stage.agent.first + 1
    run, hold, _ = stage.start_until_held()
    stage.installation("deny", hold["id"], "--reason", "use the smaller model")
    done = stage.end(run)
    assert done.returncode == stage.agent.stopped, done
    assert f"said no: use the smaller model. {USED_UP}" in shown(done).partition(STOPPED)[2], done
    assert 1 <= stage.refused() <= stage.agent.attempts
    assert stage.asked() == calls(stage.bill()) + stage.refused()
    assert stage.own() == before
    assert stage.ledger() == stage.bill()


@pytest.mark.parametrize("end", [pytest.param(ctrl_c, marks=pytest.mark.needs("ctrl-c")), kill])
def test_an_agent_that_ends_while_it_waits_leaves_nothing_behind(
    stage: Stage, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    before = stage.agent.first + 1
    run, _, _ = stage.start_until_held()
    processes = descendants(run)
    end(run)
    done = stage.end(run)
    assert done.returncode in (stage.agent.after_ctrl_c if end is ctrl_c else (-signal.SIGKILL,)), done
    until(lambda: not stage.installation.json("status")["holds"], "nothing waits")
    until(lambda: not any(process.is_running() for process in processes), "the agent is gone")
    status = stage.installation.json("status")
    # What an agent leaves running when it is killed holds its session open.
    assert status["sessions"] == [] or (end is kill and agents.AGENTS[stage.agent.in_ledger].LEAVES)
    assert [(one["spent"], one["reserved"]) for one in status["budgets"]] == [(before, 0)]
    assert "no call waits for an answer" in stage.installation("approve", check=False).stderr
    assert (stage.open(), stage.own()) == (0, before)
    assert stage.ledger() == stage.bill()


def test_a_dear_call_waits_until_it_is_approved(stage: Stage) -> None:
    stage.configure(f'[preflight]\nabove = "{stage.agent.dear}"\nat_limit = "hold"\n')
    run = stage.start("say hello")
    hold = stage.held(run)
    assert (hold["model"], hold["budget"]) == (stage.agent.model, None)
    size = r"(sends|re-reads) [\d.]+k uncached|likely answers [\d.]+k?"
    # Figures that some agent would take for an error to be tried again are left out.
    assert re.match(rf"this call (({size}) tokens, about 0\.\d+ USD|is dear)", hold["reason"]), hold
    assert stage.own() == stage.agent.first
    stage.installation("approve", hold["id"])
    done = stage.end(run)
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    assert stage.asked() == calls(stage.bill()) == 1 + stage.agent.extra
    assert stage.ledger() == stage.bill()


@pytest.mark.parametrize("agent", [GEMINI], indirect=True, ids=["gemini"])
def test_a_call_that_nobody_answers_is_refused_before_the_agent_gives_up(stage: Stage) -> None:
    """The agent that is the least patient: it would send its request again after 60 seconds, and pay twice."""
    run, _, _ = stage.start_until_held()
    done = stage.end(run)
    assert done.returncode == stage.agent.stopped, done
    assert f"nobody approved it in time. {USED_UP}" in shown(done).partition(STOPPED)[2], done
    assert stage.refused() == 1
    assert stage.own() == 1 + stage.agent.first
    assert stage.asked() == calls(stage.bill()) + 1
    assert stage.ledger() == stage.bill()
