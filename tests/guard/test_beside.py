"""What a session's calls were for, and which of its sub-agents made them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.support.house import House, answer, request
from tokenguard.ledger import queries
from tokenguard.ledger.subagents import subagents
from tokenguard.records import Event, Session

CENT = 10_000_000
MAIN = {"x-claude-code-session-id": "c1", "x-claude-code-request-class": "main"}
EXPLORER = {
    **MAIN,
    "x-claude-code-request-class": "subagent",
    "x-claude-code-agent-id": "a1",
    "x-claude-code-agent-type": "Explore",
}
CODEX = {"x-codex-window-id": "t1:0", "thread-id": "t1"}


async def call(house: House, session: Session, headers: dict[str, str], output: int = 500) -> None:
    facts = request()
    begun = house.guard.begin(session, provider="anthropic", dialect="anthropic-messages", facts=facts, headers=headers)
    admission = await house.guard.admit(begun, facts)
    assert admission.refusal is None
    house.guard.settle(admission.call, answer(output=output), status=200, outcome="ok")


def shown(house: House) -> dict[str, Any]:
    (one,) = house.desk.status()["sessions"]
    return dict(one)


async def test_sub_agents_stand_by_their_session(house: House) -> None:
    session = await house.session()
    await call(house, session, MAIN)
    await call(house, session, EXPLORER)
    await call(house, session, EXPLORER, output=1_000)
    await call(house, session, {**EXPLORER, "x-claude-code-agent-id": "a2"})
    one = shown(house)
    assert (one["calls"], one["cost_nanos"], one["classes"]) == (4, 5 * CENT, {"main": 1, "sub-agent": 3})
    assert [(sub["id"], sub["type"], sub["calls"], sub["cost_nanos"]) for sub in one["sub_agents"]] == [
        ("a1", "Explore", 2, 3 * CENT),
        ("a2", "Explore", 1, CENT),
    ]


async def test_the_ledger_keeps_who_asked(house: House) -> None:
    session = await house.session()
    await call(house, session, MAIN)
    await call(house, session, EXPLORER)
    await house.guard.counting.tally.written()
    ledger = house.ledger.read()
    rows = ledger.execute("SELECT request_class, agent_session, subagent, subagent_type FROM calls ORDER BY id")
    assert rows.fetchall() == [("main", "c1", None, None), ("sub-agent", "c1", "a1", "Explore")]
    groups = queries.grouped(ledger, ["session", "sub-agent"])
    assert {group.key: group.totals.calls for group in groups} == {(session.id, None): 1, (session.id, "Explore"): 1}
    (one,) = subagents(ledger, session.id)
    assert (one.id, one.type, one.totals.calls, one.totals.cost_nanos) == ("a1", "Explore", 1, CENT)


async def test_another_daemon_knows_them(house: House) -> None:
    session = await house.session()
    await call(house, session, MAIN)
    await call(house, session, EXPLORER)
    before = shown(house)
    await house.guard.counting.tally.written()
    token = house.token
    await house.reopen()
    assert house.guard.session_of(token) is not None
    after = shown(house)
    for key in ("classes", "sub_agents", "calls", "cost_nanos"):
        assert after[key] == before[key], key


async def test_events_tell_what_a_call_is_for(house: House) -> None:
    session = await house.session()
    with house.desk.subscribe("call.settled") as events:
        await call(house, session, EXPLORER)
        event: Event = await anext(events)
    told = {key: event.data[key] for key in ("request_class", "subagent", "subagent_type")}
    assert told == {"request_class": "sub-agent", "subagent": "a1", "subagent_type": "Explore"}


async def test_another_agent_in_a_session_counts_there_and_the_log_says_so_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    session = await house.session()
    caplog.set_level(logging.WARNING)
    for headers in (MAIN, CODEX, CODEX, MAIN):
        await call(house, session, headers)
    assert [record.message for record in caplog.records] == [
        f"codex makes calls in session {session.id} of claude: they count there"
    ]
    assert shown(house)["calls"] == 4
    assert house.token not in caplog.text
    await house.guard.counting.tally.written()
    by_agent = queries.grouped(house.ledger.read(), ["session", "agent"])
    assert {group.key: group.totals.calls for group in by_agent} == {
        (session.id, "claude"): 2,
        (session.id, "codex"): 2,
    }


async def test_an_agent_in_a_session_of_something_else_is_refused_in_its_own_words(house: House) -> None:
    session = await house.session(budget="0.000001", agent="make")
    facts = request()
    begun = house.guard.begin(session, provider="anthropic", dialect="anthropic-messages", facts=facts, headers=MAIN)
    refusal = (await house.guard.admit(begun, facts)).refusal
    # Claude Code sends its request six times after the status that others stop at.
    assert begun.agent == "claude" and refusal is not None and refusal.status == 402
    plain = (await house.guard.admit(house.begin(session), facts)).refusal
    assert plain is not None and plain.status == 400


async def test_counting_tokens_is_noted_and_is_no_call(house: House) -> None:
    session = await house.session()
    house.guard.unread.counted(session)
    one = shown(house)
    assert (one["calls"], one["classes"]) == (0, {"count": 1})
