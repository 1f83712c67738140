"""A Ctrl-C in the middle of an answer."""

from __future__ import annotations

import os
import signal

import pytest

from tests.agents.stage import Stage, descendants
from tests.support.waiting import until

pytestmark = [pytest.mark.real_agents, pytest.mark.needs("ctrl-c", "streams")]

SOME = 1_000
"""Bytes of an answer after which it has certainly begun."""


def test_what_was_interrupted_is_charged_within_an_interval(stage: Stage) -> None:
    """The agent ends as it does without us, the charge holds what the provider bills, and nothing stays set aside."""
    upstream = stage.tap_providers()
    stage.limit(100)
    run = stage.start("say hello [sim:output=2000][sim:slow=20ms]")
    own, before = stage.agent.model, stage.agent.first
    until(lambda: sum(call.model == own for call in stage.seen()) > before, "it has asked", seconds=90)
    received = upstream.received()
    until(lambda: upstream.received() > received + SOME, "an answer has begun", seconds=90)
    processes = descendants(run)
    os.killpg(run.pid, signal.SIGINT)
    done = stage.end(run)
    assert done.returncode in stage.agent.after_ctrl_c, done
    until(lambda: not any(process.is_running() for process in processes), "the agent is gone")
    until(lambda: stage.open() == 0, "its calls are settled")
    assert "client-gone" in [row.outcome for row, _ in stage.pairs()]
    for row, call in stage.pairs():
        assert row.low <= call.nanos <= row.high, (row, call)
    status = stage.installation.json("status")
    assert status["sessions"] == []
    assert [(one["spent"], one["reserved"]) for one in status["budgets"]] == [(stage.own(), 0)]
