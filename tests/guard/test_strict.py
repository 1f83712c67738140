"""Strict budgets: what they set aside for a prompt, and when the provider is asked for its count."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.house import MODEL, House
from tokenguard.guard import Admission
from tokenguard.policy.lineage import SEAM
from tokenguard.policy.worst import WORST_PREAMBLE, by_count
from tokenguard.records import Budget, Call, Facts, Leg, Lineage, Prompt, Reading, Session, Unit, Usage

LINE = Lineage(7, ((1, 9_000),), (11,), (50_000,))
FIRST = Facts(
    MODEL, max_output=1_000, body_bytes=60_000, prompt=Prompt(messages=1, text_bytes=59_000, grain=4.5, lineage=LINE)
)


def turn(*messages: int, size: int = 2_000, **changes: Any) -> Facts:
    """A later turn: the first message, and as many more of that size."""
    ends = [50_000, *(50_000 + size * (place + 1) for place in range(len(messages)))]
    line = replace(LINE, messages=(11, *messages), ends=tuple(ends), **changes)
    grown = size * len(messages)
    prompt = replace(FIRST.prompt, messages=1 + len(messages), text_bytes=59_000 + grown, lineage=line)
    return replace(FIRST, body_bytes=60_000 + grown, prompt=prompt)


def strict(limit: int, **options: Any) -> Budget:
    return Budget("tight", limit, unit=Unit.TOKENS, mode="strict", **options)


def read(prompt: int, output: int = 100, *, marks: tuple[str, ...] = (), response_id: str = "msg_1") -> Reading:
    return Reading((Leg(MODEL, Usage(input=prompt, output=output)),), "final", MODEL, response_id, marks=marks)


class Counter:
    """A provider's counter."""

    def __init__(self, answer: int | None) -> None:
        self.answer = answer
        self.asked = 0

    async def __call__(self) -> int | None:
        self.asked += 1
        await asyncio.sleep(0)
        return self.answer


async def admit(
    house: House, session: Session | None, facts: Facts, count: Counter | None = None, **call: Any
) -> Admission:
    return await house.guard.admit(replace(house.begin(session, facts), **call), facts, count)


async def served(house: House, session: Session | None, facts: Facts, reading: Reading, **call: Any) -> Call:
    """A call that goes through to its end."""
    admission = await admit(house, session, facts, **call)
    assert admission.refusal is None
    house.guard.settle(admission.call, reading, status=200, outcome="ok")
    return admission.call


def reserved(house: House) -> int:
    (budget,) = house.desk.status()["budgets"]
    return int(budget["reserved"])


async def test_a_later_turn_takes_what_was_counted_and_the_bytes_since(house: House) -> None:
    house.budgets(strict(1_000_000))
    session = await house.session()
    await served(house, session, FIRST, read(15_000))
    assert (await admit(house, session, turn(12, 13))).refusal is None
    assert reserved(house) == 15_000 + 4_000 + 3 * SEAM + 1_000


@pytest.mark.parametrize(
    ("facts", "call"),
    [
        (turn(12, terms=8), {}),
        (replace(turn(12), model="claude-sonnet-5"), {"model": "claude-sonnet-5"}),
        (turn(12), {"provider": "bedrock"}),
        (turn(12), {"dialect": "vertex-anthropic"}),
    ],
)
async def test_what_does_not_repeat_it_takes_its_bytes(house: House, facts: Facts, call: dict[str, Any]) -> None:
    house.budgets(strict(1_000_000))
    session = await house.session()
    await served(house, session, FIRST, read(15_000))
    assert (await admit(house, session, facts, **call)).refusal is None
    assert reserved(house) == 62_000 + WORST_PREAMBLE + 1_000


async def test_nor_does_what_another_session_sent(house: House) -> None:
    house.budgets(strict(1_000_000))
    await served(house, await house.session(), FIRST, read(15_000))
    assert (await admit(house, await house.session(), turn(12))).refusal is None
    assert reserved(house) == 62_000 + WORST_PREAMBLE + 1_000


@pytest.mark.parametrize(
    ("reading", "call"),
    [(read(15_000, marks=("odd",)), {}), (read(15_000), {"dialect": "ollama"}), (read(0), {})],
)
async def test_a_count_that_is_not_exact_bounds_nothing(house: House, reading: Reading, call: dict[str, Any]) -> None:
    house.budgets(strict(1_000_000))
    session = await house.session()
    await served(house, session, FIRST, reading, **call)
    assert (await admit(house, session, turn(12), **call)).refusal is None
    assert reserved(house) == 62_000 + WORST_PREAMBLE + 1_000


async def test_a_conversation_that_forks_is_known_on_both_ways(house: House) -> None:
    house.budgets(strict(10_000_000))
    session = await house.session()
    await served(house, session, FIRST, read(15_000))
    await served(house, session, turn(12, 13), read(16_000))
    for side in range(100, 106):
        await served(house, session, turn(12, 13, side), read(16_400))
    assert (await admit(house, session, turn(12, 13, 14))).refusal is None
    assert reserved(house) == 16_000 + 2_000 + 2 * SEAM + 1_000


async def test_a_response_that_is_continued_takes_what_is_new(house: House) -> None:
    house.budgets(strict(1_000_000))
    session = await house.session()
    await served(house, session, FIRST, read(15_000, 500, response_id="resp_1"))
    line = replace(LINE, messages=(77,), ends=(400,))
    added = Facts(
        MODEL,
        max_output=1_000,
        body_bytes=10_000,
        uncapped=("previous_response_id",),
        prompt=Prompt(1, 400, continues="resp_1", lineage=line),
    )
    assert (await admit(house, session, added)).refusal is None
    assert reserved(house) == 15_500 + 400 + 2 * SEAM + 1_000


async def test_the_provider_is_asked_where_its_count_decides(house: House) -> None:
    house.budgets(strict(40_000))
    count = Counter(14_000)
    admission = await admit(house, await house.session(), FIRST, count)
    assert admission.refusal is None and admission.verdict.action == "allow"
    assert count.asked == 1
    assert reserved(house) == by_count(14_000) + 1_000


@pytest.mark.parametrize(
    ("limit", "asked"),
    [(100_000, 0), (8_000, 0), (40_000, 1)],
    ids=["its bound fits", "not even what is likely fits", "the count is too high as well"],
)
async def test_and_nowhere_else(house: House, limit: int, asked: int) -> None:
    house.budgets(strict(limit))
    count = Counter(45_000)
    admission = await admit(house, await house.session(), FIRST, count)
    assert (admission.refusal is None) is (limit == 100_000)
    assert count.asked == asked


async def test_a_provider_that_does_not_answer_changes_nothing(house: House) -> None:
    house.budgets(strict(40_000))
    count = Counter(None)
    assert (await admit(house, await house.session(), FIRST, count)).refusal is not None
    assert (await admit(house, None, FIRST)).refusal is not None
    assert count.asked == 1


async def test_calibrated_budgets_never_ask(house: House) -> None:
    house.budgets(Budget("day", 10_000, unit=Unit.TOKENS))
    count = Counter(5_000)
    assert (await admit(house, await house.session(), FIRST, count)).refusal is not None
    assert count.asked == 0


async def test_a_count_is_not_taken_for_what_another_model_would_count(house: House) -> None:
    other = "claude-sonnet-5"
    house.budgets(
        strict(40_000, match=(("model", MODEL),), at_limit="downgrade", downgrade=((MODEL, other),)),
        Budget("other", 1_000_000, unit=Unit.TOKENS, mode="strict", match=(("model", other),)),
    )
    count = Counter(45_000)
    admission = await admit(house, await house.session(), FIRST, count)
    assert (admission.model, count.asked) == (other, 1)
    held = {budget["name"]: budget["reserved"] for budget in house.desk.status()["budgets"]}
    assert held == {"tight": 0, "other": 60_000 + WORST_PREAMBLE + 1_000}


async def test_what_was_counted_bounds_a_call_that_is_broken_off(house: House) -> None:
    """Bytes say less of its prompt than the provider said when it was admitted."""
    house.budgets(Budget("tight", 300_000_000, mode="strict"))
    count = Counter(9_000)
    admission = await admit(house, await house.session(), FIRST, count)
    assert (admission.refusal, count.asked) == (None, 1)
    (before,) = house.desk.status()["budgets"]
    house.guard.settle(admission.call, Reading(output_bytes=40), status=200, outcome="cut")
    (after,) = house.desk.status()["budgets"]
    assert 0 < after["spent"] <= before["reserved"] <= 300_000_000


async def test_a_count_makes_room_for_a_clamped_answer(house: House) -> None:
    house.budgets(strict(20_000, clamp=True))
    admission = await admit(house, await house.session(), replace(FIRST, max_output=2_000), Counter(17_500))
    assert admission.max_output == 20_000 - by_count(17_500)
