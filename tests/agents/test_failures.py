"""Errors of the provider: they reach the agent as they are, it does with them what it always does, and nothing is
charged twice.
"""

from __future__ import annotations

import pytest

from tests.agents.stage import Stage, calls, shown
from tests.agents.taps import Answer, Tap

pytestmark = pytest.mark.real_agents


def errors(tap: Tap) -> list[Answer]:
    """Answers that say no, and the sockets over which that may be said: their handshakes are each side's own."""
    found = [answer._replace(headers=()) if answer.status == 101 else answer for answer in tap.answers()]
    return sorted(answer for answer in found if answer.status >= 400 or answer.status == 101)


@pytest.mark.parametrize("status", [429, 503])
def test_an_error_passes_untouched(stage: Stage, status: int) -> None:
    """Status, headers and body: without those an agent does not know whether, and when, it may ask again."""
    upstream, agent = stage.tap_providers(), stage.tap_agent()
    done = stage.run(f"say hello [sim:error={status}][sim:fails=1]")
    sent, got = errors(upstream), errors(agent)
    assert sent == got
    assert any(answer.status == status or f'"status":{status}'.encode() in answer.body for answer in sent)
    if f"retry-{status}" in stage.agent.lacks:
        assert stage.own() == stage.agent.first
    else:
        assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
        assert stage.own() == 1 + stage.agent.first
    # A client may leave right behind the last event; that call has its bill.
    rows = stage.rows()
    assert {row.confidence for row in rows} == {"exact"}
    failed = [row for row in rows if row.outcome not in ("ok", "client-gone")]
    assert failed and not any(row.high for row in failed)
    assert len(stage.rows()) == calls(stage.bill()) + len(failed)
    assert all(row.nanos == call.nanos for row, call in stage.pairs())
    assert stage.open() == 0


@pytest.mark.needs("streams")
def test_a_stream_that_ends_with_an_error(stage: Stage) -> None:
    """It is charged for what came, once; when the agent asks again, that is a call of its own."""
    done = stage.run("say hello [sim:output=400][sim:midstream-error][sim:fails=1]")
    broken = [row for row, call in stage.pairs() if call.outcome == "error"]
    assert broken
    if "reconnect" not in stage.agent.lacks:
        assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
        assert stage.own() > 1 + stage.agent.first
    for row, call in stage.pairs():
        assert row.low <= call.nanos <= row.high, (row, call)
        assert (row.confidence == "exact") <= (row.nanos == call.nanos)
        # A client that has left behind the last event has not failed: its call must be exact all the same.
        whole = row.outcome == "ok" or (row.outcome, row.confidence) == ("client-gone", "exact")
        assert whole == (call.outcome == "completed")
    assert stage.open() == 0
