"""What kind of work a session's calls are for, from the request to the report; nothing of what was said is kept."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.house import House, answer
from tests.wire.histories import Called, Turn, facts_of, request
from tokenguard.ledger import queries
from tokenguard.ledger.values import Where
from tokenguard.records import Call, Session

DIALECT = "anthropic-messages"
SECRET = "hunter2"


async def play(house: House, session: Session, turns: list[Turn], prompt: str = "mend it") -> list[Call]:
    """All calls of a session: after its prompt, and after each turn."""
    calls: list[Call] = []
    for count in range(len(turns) + 1):
        house.clock.now_us += 1_000_000
        facts = facts_of(DIALECT, request(DIALECT, turns[:count], prompt=prompt))
        call = house.begin(session, facts)
        await house.guard.admit(call, facts)
        house.guard.settle(call, answer(), status=200, outcome="ok")
        calls.append(call)
    await house.guard.counting.tally.written()
    return calls


TURNS: list[Turn] = [
    (Called("Read", {"file_path": f"/{SECRET}"}),),
    (Called("Edit", {"file_path": "/x", "new_string": SECRET}),),
    (Called("Bash", {"command": f"pytest -k {SECRET}"}),),
]


async def test_calls_are_kept_by_the_kind_of_their_work(house: House) -> None:
    (house.repo / ".git/HEAD").write_text("ref: refs/heads/fix/login\n")
    calls = await play(house, await house.session(), TURNS, prompt=SECRET)
    assert [call.task_type for call in calls] == ["fix", "search", "fix", "test"]
    assert [call.tool_free for call in calls] == [True, False, False, False]
    found = {group.key[0]: group.totals.calls for group in queries.grouped(house.ledger.read(), ["task"])}
    assert found == {"~fix": 2, "~search": 1, "~test": 1}
    kept = [row[0] for row in house.ledger.read().execute("SELECT tool_free FROM calls ORDER BY id")]
    assert kept == [0, 0, 0, 0]


async def test_nothing_of_what_was_said_is_kept(house: House) -> None:
    await play(house, await house.session(), TURNS, prompt=SECRET)
    await house.ledger.close()
    written = b"".join(file.read_bytes() for file in house.folder.glob("ledger.db*"))
    house.open()
    assert b"search" in written
    assert SECRET.encode() not in written


async def test_a_task_that_was_named_wins(house: House) -> None:
    await play(house, await house.session(task="login"), TURNS)
    await play(house, await house.session(), [])
    ledger = house.ledger.read()
    found = {group.key[0]: group.totals.calls for group in queries.grouped(ledger, ["task"])}
    assert found == {"login": 4, "~chat": 1}
    assert queries.totals(ledger, Where(match=(("inferred_task", "*"),))).calls == 1


async def test_a_request_that_cannot_be_read_is_of_no_known_kind(house: House) -> None:
    call = house.begin(None)
    assert (call.task_type, call.tool_free) == ("other", None)


@pytest.mark.parametrize(
    ("agent", "has_tools", "known"),
    [("claude", True, True), ("llm", False, True), ("aider", False, False), ("cline", False, False)]
    + [("cline", True, True), ("openhands", False, False), ("code", False, False)],
)
async def test_what_agents_write_into_their_text_is_not_seen(
    house: House, agent: str, has_tools: bool, known: bool
) -> None:
    facts = replace(facts_of(DIALECT, request(DIALECT, [])), has_tools=has_tools)
    call = house.begin(await house.session(agent=agent), facts)
    assert (call.task_type, call.tool_free) == (("chat", True) if known else ("other", None))
