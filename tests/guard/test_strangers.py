"""Calls whose token stands for no running session."""

from __future__ import annotations

import json
import logging

import pytest

from tests.support.house import House
from tokenguard.policy.retrying import is_safe


async def test_an_agent_whose_session_is_over_is_told_so_as_it_takes_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    session = await house.session()
    await house.desk.end_session(session.id, 0)
    with caplog.at_level(logging.WARNING, "tokenguard.guard.strangers"):
        answers = [house.guard.refusals.of_no_session(house.token, "anthropic-messages") for _ in range(3)]
    assert answers[0].status == 402
    text = json.loads(answers[0].body)["error"]["message"]
    assert text == ("tokenguard stopped this request: its session is over. Start the agent again with tokenguard run")
    assert is_safe(text)
    assert answers[1:] == answers[:1] * 2
    assert caplog.messages == [f"a call came for session {session.id} of claude, which is over: it is refused"]


async def test_a_token_that_nobody_had(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "tokenguard.guard.strangers"):
        answer = house.guard.refusals.of_no_session("made-up", "openai-chat")
    assert answer.status == 400
    assert b"its session is not known. Start the agent with tokenguard run" in answer.body
    assert caplog.messages == ["a call came with a token that no session has: it is refused"]
