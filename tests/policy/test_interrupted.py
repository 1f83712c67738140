from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tokenguard.policy import interrupted
from tokenguard.policy.disconnects import Habit
from tokenguard.policy.estimate import Turn
from tokenguard.policy.interrupted import FASTEST, MOST_USES, NOTICE_S, Known, doubted, span
from tokenguard.records import Facts, Leg, Prompt, Reading, Usage

FACTS = Facts("m", stream=True, max_output=8_000, body_bytes=4_000, prompt=Prompt(messages=1, text_bytes=3_200))
LAST = Turn(replace(FACTS, body_bytes=3_000), Usage(cache_read=600, output=50), 0)
REPORTED = Usage(input=100, cache_read=900, output=1)


def known(
    facts: Facts = FACTS, *, last: Turn | None = None, habit: Habit = Habit.STOPS, elapsed_s: int = 2, dialect: str = ""
) -> Known:
    return Known(
        dialect=dialect,
        model="m",
        facts=facts,
        expected=Usage(input=1_000, output=200),
        last=last,
        window=200_000,
        habit=habit,
        elapsed_us=elapsed_s * 1_000_000,
    )


def reading(usage: Usage | None = None, *, output_bytes: int = 0, marks: tuple[str, ...] = ()) -> Reading:
    legs = () if usage is None else (Leg("served", usage),)
    return Reading(legs, "partial" if legs else "none", output_bytes=output_bytes, marks=marks)


def usages(of: Reading, about: Known) -> list[Usage]:
    found = span(of, about)
    return [legs[-1].usage for legs in (found.low, found.likely, found.high)]


def test_a_prompt_that_was_reported_is_certain() -> None:
    low, likely, high = usages(reading(REPORTED), known())
    assert {(usage.input, usage.cache_read) for usage in (low, likely, high)} == {(100, 900)}


def test_of_a_prompt_that_was_not_reported_the_turn_before_is_certain() -> None:
    low, likely, high = usages(reading(output_bytes=40), known(last=LAST))
    assert low == Usage(cache_read=600, output=5)
    assert likely.input == 1_000
    # What the turn before took, and no more tokens than bytes that came since.
    assert high.input == 650 + 1_000


def test_without_a_turn_before_bytes_bound_the_prompt_on_both_sides() -> None:
    low, _, high = usages(reading(output_bytes=40), known())
    assert (low.cache_read, high.input) == (3_200 // interrupted.MOST_PROMPT_BYTES_PER_TOKEN, 4_000)


def test_a_conversation_that_became_shorter_says_nothing() -> None:
    longer = replace(LAST, facts=replace(FACTS, body_bytes=90_000))
    low, _, high = usages(reading(), known(last=longer))
    assert (low.cache_read, high.input) == (200, 4_000)


def test_what_the_provider_holds_is_in_the_prompt() -> None:
    facts = replace(FACTS, uncapped=("previous_response_id",), prompt=Prompt(continues="resp_1"))
    assert usages(reading(), known(facts, last=LAST))[2].input == 4_000 + 650
    assert usages(reading(), known(facts))[2].input == 200_000


def test_output_that_was_seen_is_certain_in_part() -> None:
    low, likely, _ = usages(reading(REPORTED, output_bytes=800), known())
    assert (low.output, likely.output) == (100, 200)


def test_output_that_was_reported_is_certain_unless_it_is_a_placeholder() -> None:
    assert usages(reading(replace(REPORTED, output=70)), known())[0].output == 70
    assert usages(reading(REPORTED, marks=("provisional-output",)), known())[0].output == 0


def test_who_stops_has_generated_what_time_allowed() -> None:
    facts = replace(FACTS, max_output=None)
    assert usages(reading(REPORTED, output_bytes=300), known(facts))[2].output == 300 + FASTEST * (NOTICE_S + 2)
    assert usages(reading(REPORTED, output_bytes=300), known())[2].output == 8_000


@pytest.mark.parametrize("habit", [Habit.RUNS_ON, Habit.UNKNOWN])
def test_who_may_run_on_can_have_generated_up_to_the_limit(habit: Habit) -> None:
    assert usages(reading(REPORTED), known(habit=habit))[2].output == 8_000
    unlimited = replace(FACTS, max_output=None)
    assert usages(reading(REPORTED), known(unlimited, habit=habit))[2].output == interrupted.LARGEST_OUTPUT


def test_a_limit_that_does_not_cap_reasoning_is_none() -> None:
    facts = replace(FACTS, uncapped=("reasoning",))
    assert usages(reading(REPORTED), known(facts, habit=Habit.UNKNOWN))[2].output == interrupted.LARGEST_OUTPUT


def test_a_snapshot_can_shrink_and_grow() -> None:
    low, likely, high = usages(reading(Usage(input=90, output=5), marks=("provisional-usage",)), known())
    assert (low.input, likely.input, high.input) == (30, 90, 4_000)


@pytest.mark.parametrize(
    ("facts", "uses"),
    [
        (replace(FACTS, uncapped=("web_search",)), MOST_USES),
        (replace(FACTS, rounds=3), 2),
        (replace(FACTS, rounds=90), MOST_USES),
    ],
)
def test_server_tools_can_have_added_to_the_prompt_and_to_the_fees(facts: Facts, uses: int) -> None:
    ran = replace(reading(REPORTED), legs=(Leg("served", REPORTED, fees=(("web_search", 1),)),))
    found = span(ran, known(facts))
    assert found.low[0].fees == found.likely[0].fees == (("web_search", 1),)
    assert found.high[0].fees == (("web_search", 1 + uses),)
    assert found.high[0].usage.prompt == 1_000 * (uses + 1) + interrupted.RESULT * uses * (uses + 1) // 2


@pytest.mark.parametrize("uncapped", ["n", "reasoning", "remote-content", "malformed-request"])
def test_what_is_in_the_prompt_from_its_beginning_does_not_grow(uncapped: str) -> None:
    facts = replace(FACTS, uncapped=(uncapped,))
    assert usages(reading(REPORTED), known(facts))[2].prompt == REPORTED.prompt


def test_searches_have_the_name_that_the_dialect_counts_them_by() -> None:
    facts = replace(FACTS, uncapped=("web_search",))
    found = span(reading(), known(facts, dialect="openai-responses"))
    assert found.high[0].fees == (("web_search_call:search", MOST_USES),)


def test_other_legs_are_as_they_were_reported() -> None:
    advice = Leg("other", Usage(input=9, output=9), kind="advisor_message")
    whole = Reading((advice, Leg("served", REPORTED)), "partial")
    found = span(whole, known())
    assert found.low[0] == found.likely[0] == found.high[0] == advice


@given(
    usage=st.none() | st.builds(Usage, *[st.integers(0, 10**6)] * 5),
    seen=st.integers(0, 10**6),
    marks=st.sampled_from([(), ("provisional-usage",), ("provisional-output",), ("all-zero-usage",)]),
    last=st.sampled_from([None, LAST]),
    habit=st.sampled_from(Habit),
    uncapped=st.sampled_from([(), ("web_search",), ("reasoning",), ("previous_response_id",)]),
    limit=st.sampled_from([None, 0, 100, 10**6]),
)
def test_the_ends_are_in_order(
    usage: Usage | None,
    seen: int,
    marks: tuple[str, ...],
    last: Turn | None,
    habit: Habit,
    uncapped: tuple[str, ...],
    limit: int | None,
) -> None:
    facts = replace(FACTS, uncapped=uncapped, max_output=limit)
    low, likely, high = usages(reading(usage, output_bytes=seen, marks=marks), known(facts, last=last, habit=habit))
    assert 0 <= low.output <= likely.output <= high.output
    assert 0 <= low.prompt and likely.prompt <= high.prompt


def whole(usage: Usage, mark: str, output_bytes: int = 0) -> Reading:
    return Reading((Leg("m", usage),), "final", marks=(mark,), output_bytes=output_bytes)


def test_more_cached_than_sent_is_one_or_the_other() -> None:
    found = doubted(whole(Usage(input=10, cache_read=50, output=3), "contradictory-usage"))
    assert found is not None
    assert found.low[0].usage == Usage(input=10, output=3)
    assert found.high[0].usage == Usage(input=60, output=3)


def test_writes_of_unknown_life_are_all_of_one_kind() -> None:
    found = doubted(whole(Usage(cache_write_5m=10, cache_write_1h=5), "ttl-split-unknown"))
    assert found is not None
    assert (found.low[0].usage, found.high[0].usage) == (Usage(cache_write_5m=15), Usage(cache_write_1h=15))


def test_candidates_that_fell_can_have_been_all_that_was_seen() -> None:
    found = doubted(whole(Usage(input=1, output=5), "candidates-fell", output_bytes=80))
    assert found is not None
    assert (found.low[0].usage.output, found.high[0].usage.output) == (5, 80)


def test_a_doubt_that_changes_nothing_is_none() -> None:
    assert doubted(whole(Usage(input=1, output=5), "modality-priced-as-text")) is None
