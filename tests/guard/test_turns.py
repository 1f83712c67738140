from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.house import NOON, House, answer
from tokenguard.guard.turns import Turns
from tokenguard.ledger import Ledger, queries
from tokenguard.records import Budget, Call, Facts, Leg, Prompt, Reading, Usage

CALL = Call(1, "abc", "claude", "anthropic", "anthropic-messages", "claude-opus-5-5", NOON)
MAIN = Facts(
    "claude-opus-5-5",
    has_tools=True,
    body_bytes=90_000,
    prompt=Prompt(messages=1, text_bytes=40_000, other_bytes=50_000, opening=11),
)
NEXT = replace(MAIN, body_bytes=94_000, prompt=replace(MAIN.prompt, messages=3, text_bytes=43_900))
TITLE = Facts("claude-opus-5-5", body_bytes=2_000, prompt=Prompt(messages=1, text_bytes=1_500, opening=11))
OTHER = replace(MAIN, prompt=replace(MAIN.prompt, text_bytes=30_000, opening=99))


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.db")
    yield opened
    await opened.close()


@pytest.fixture
async def turns(ledger: Ledger) -> Turns:
    return Turns(ledger)


def told(prompt: int, output: int = 500, response_id: str = "msg_1") -> Reading:
    """A bill for one message."""
    legs = (Leg(CALL.model, Usage(input=prompt, output=output)),)
    return Reading(legs, "final", CALL.model, response_id)


async def test_a_turn_is_estimated_from_the_one_before_it(turns: Turns) -> None:
    turns.learn(CALL, MAIN, told(30_000))
    assert turns.likely(CALL, NEXT).prompt == pytest.approx(31_300, abs=200)


async def test_side_calls_and_other_agents_leave_the_main_conversation_alone(turns: Turns) -> None:
    turns.learn(CALL, MAIN, told(30_000))
    expected = turns.before(CALL, NEXT)
    turns.learn(CALL, TITLE, told(300))
    turns.learn(CALL, OTHER, told(25_000))
    turns.learn(replace(CALL, session="xyz"), MAIN, told(90_000))
    turns.learn(replace(CALL, model="claude-haiku-4-5"), replace(MAIN, model="claude-haiku-4-5"), told(20_000))
    assert turns.before(CALL, NEXT) == expected
    assert turns.likely(CALL, NEXT).prompt == pytest.approx(31_300, abs=400)


async def test_a_new_conversation_is_a_first_turn(turns: Turns) -> None:
    turns.learn(CALL, MAIN, told(30_000))
    assert turns.before(CALL, OTHER) is None


async def test_what_another_model_read_is_not_what_the_next_turn_repeats(turns: Turns) -> None:
    legs = (
        Leg(CALL.model, Usage(input=55_000, output=125), kind="compaction"),
        Leg(CALL.model, Usage(input=220, output=8)),
        Leg("claude-haiku-4-5", Usage(input=9_000, output=70), kind="advisor_message"),
    )
    turns.learn(CALL, MAIN, Reading(legs, "final"))
    last = turns.before(CALL, NEXT)
    assert last is not None
    assert last.usage == Usage(input=220, output=203)


async def test_a_response_that_is_continued_is_known_by_its_id(turns: Turns) -> None:
    turns.learn(CALL, MAIN, told(30_000, response_id="resp_1"))
    turns.learn(CALL, replace(MAIN, prompt=replace(MAIN.prompt, opening=12)), told(50_000, response_id="resp_2"))
    added = Facts(CALL.model, body_bytes=500, prompt=Prompt(messages=1, text_bytes=440, continues="resp_1"))
    assert turns.likely(CALL, added).prompt == pytest.approx(30_600, abs=50)
    assert turns.before(replace(CALL, session="xyz"), added) is None


async def test_a_prompt_that_was_not_counted_replaces_nothing(turns: Turns) -> None:
    turns.learn(CALL, MAIN, told(30_000))
    turns.learn(CALL, NEXT, told(0))
    last = turns.before(CALL, NEXT)
    assert last is not None
    assert last.usage.prompt == 30_000


async def test_the_next_daemon_knows_the_model_and_the_next_session_too(ledger: Ledger, tmp_path: Path) -> None:
    turns = Turns(ledger)
    for number in range(20):
        turns.learn(CALL, replace(MAIN, prompt=replace(MAIN.prompt, opening=number)), told(30_000, output=90))
    turns.forget(CALL.session)
    await ledger.close()
    reopened = Ledger.open(tmp_path / "ledger.db")
    fresh = Turns(reopened).estimate(replace(CALL, session="xyz"), OTHER)
    untaught = Turns(reopened).estimate(replace(CALL, session="xyz", provider="bedrock"), OTHER)
    await reopened.close()
    assert fresh.likely.output == pytest.approx(100, abs=20)
    assert untaught.likely.output == 640
    # Each conversation began with 30,000 tokens where about 21,000 were expected.
    assert fresh.likely.prompt > 1.25 * untaught.likely.prompt
    assert fresh.p95.prompt < untaught.p95.prompt * 1.1


async def test_what_was_learned_is_written_every_few_seconds_and_at_the_end_of_a_session(
    turns: Turns, ledger: Ledger
) -> None:
    async def kept() -> list[float]:
        await ledger.set_pid("abc", 1)  # writes are done in order
        return [known.output.count for known in queries.experience(ledger.read()).values()]

    turns.learn(CALL, MAIN, told(30_000))
    turns.learn(replace(CALL, started_us=NOON + 9_900_000), NEXT, told(31_000))
    assert await kept() == [1]
    turns.learn(replace(CALL, started_us=NOON + 10_000_000), NEXT, told(32_000))
    assert await kept() == [3]
    turns.learn(replace(CALL, started_us=NOON + 10_000_000), NEXT, told(33_000))
    turns.forget(CALL.session)
    assert await kept() == [4]


async def test_a_session_that_ended_is_forgotten_and_its_model_is_not(turns: Turns) -> None:
    for _ in range(5):
        turns.learn(CALL, MAIN, told(30_000, output=90))
    turns.forget(CALL.session)
    assert turns.before(CALL, NEXT) is None
    assert turns.likely(CALL, OTHER).output < 300


async def test_what_is_remembered_is_limited(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenguard.guard.turns._MOST", 3)
    conversations = [replace(MAIN, prompt=replace(MAIN.prompt, opening=number)) for number in range(5)]
    for facts in conversations:
        turns.learn(CALL, facts, told(30_000))
    assert [turns.before(CALL, facts) is not None for facts in conversations] == [False, False, True, True, True]


async def test_a_ledger_that_cannot_be_written_is_no_reason_to_fail(
    turns: Turns, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    await ledger.close()
    turns.learn(CALL, MAIN, told(30_000))
    assert turns.before(CALL, NEXT) is not None


async def test_the_quantile_that_is_not_often_passed_is_reserved_beside_the_likely_one(house: House) -> None:
    house.budgets(Budget("day", 10**12))
    session = await house.session()
    facts = replace(MAIN, max_output=32_000)
    call = house.begin(session, facts)
    await house.guard.admit(call, facts)
    reservation = house.guard.counting.books.reserved_for(call.id)
    assert reservation is not None
    assert reservation.p95 is not None
    assert reservation.likely.nanos < reservation.p95.nanos < reservation.worst.nanos
    house.guard.settle(call, answer(), status=200, outcome="ok")


async def test_what_another_model_has_cached_is_not_cached(turns: Turns) -> None:
    usage = Usage(input=100, cache_read=29_900, output=500)
    turns.learn(CALL, MAIN, Reading((Leg(CALL.model, usage),), "final", CALL.model, "resp_1"))
    following = replace(MAIN, prompt=Prompt(messages=1, text_bytes=400, continues="resp_1"))
    assert turns.likely(CALL, following).cache_read > 29_000
    dearer = replace(CALL, model="claude-fable-5")
    assert turns.likely(dearer, replace(following, model=dearer.model)).cache_read == 0
