from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tokenguard.policy import estimate
from tokenguard.policy.estimate import CACHE_LIFE_US, FIRST_OUTPUT, Estimate, Experience, Turn, learned
from tokenguard.records import Facts, Prompt, Usage

SIZES = st.integers(min_value=0, max_value=10**8)
NOTHING = Experience()
PROMPT = Prompt(messages=1, text_bytes=95_000, grain=4.75, other_bytes=60)
FIRST = Facts("gpt-5", body_bytes=94_100, prompt=PROMPT)
NEXT = replace(FIRST, body_bytes=98_900, prompt=replace(PROMPT, messages=3, text_bytes=100_000))


def expect(
    facts: Facts,
    last: Turn | None = None,
    now_us: int = 0,
    model: Experience = NOTHING,
    session: Experience = NOTHING,
) -> Estimate:
    return estimate.estimate(facts, last, now_us, model, session)


def taught(calls: int, usage: Usage, facts: Facts = FIRST, last: Turn | None = None) -> Experience:
    """What as many calls teach that all took the same."""
    experience = NOTHING
    for _ in range(calls):
        experience = learned(experience, facts, last, usage)
    return experience


def test_a_first_call_is_estimated_from_its_bytes() -> None:
    expected = expect(FIRST)
    assert expected.likely == Usage(input=19_007, output=FIRST_OUTPUT)
    assert expected.p95.input > 1.5 * expected.likely.input
    assert expected.p95.output > 3 * FIRST_OUTPUT


def test_the_output_limit_of_the_request_holds() -> None:
    limited = expect(replace(FIRST, max_output=16))
    assert (limited.likely.output, limited.p95.output) == (16, 16)


def test_a_later_call_is_what_was_counted_and_what_came_since() -> None:
    last = Turn(FIRST, Usage(input=20_000, output=500), 0)
    expected = expect(NEXT, last)
    assert expected.likely.input == pytest.approx(21_060, abs=2)
    assert expected.likely.input < expected.p95.input < 22_500


def test_new_bytes_count_as_those_before_them_did() -> None:
    dense = expect(NEXT, Turn(FIRST, Usage(input=40_000, output=500), 0))
    assert dense.likely.input == pytest.approx(42_110, abs=20)


def test_the_same_request_again_takes_the_same() -> None:
    assert expect(FIRST, Turn(FIRST, Usage(input=17_500, output=900), 0)).likely.input == 17_500


def test_a_history_that_was_cut_takes_less() -> None:
    cut = replace(FIRST, prompt=replace(PROMPT, text_bytes=9_500))
    assert expect(cut, Turn(FIRST, Usage(input=20_000, output=900), 0)).likely.input == pytest.approx(2_000, abs=20)


def test_a_response_that_is_continued_is_billed_again() -> None:
    added = Facts("gpt-5", body_bytes=600, prompt=Prompt(messages=1, text_bytes=500, grain=4.75, continues="resp_1"))
    assert expect(added, Turn(FIRST, Usage(input=20_000, output=500), 0)).likely.input == 20_607


def test_what_was_cached_is_read_from_the_cache_and_the_rest_written() -> None:
    asking = replace(NEXT, prompt=replace(NEXT.prompt, cache_life="5m"))
    last = Turn(FIRST, Usage(input=10, cache_read=15_000, cache_write_5m=4_990, output=500), 0)
    expected = expect(asking, last, CACHE_LIFE_US["5m"])
    assert (expected.likely.input, expected.likely.cache_read) == (0, 20_000)
    assert expected.likely.cache_write_5m == pytest.approx(1_060, abs=2)
    assert expected.p95.cache_read == 20_000
    late = expect(asking, last, CACHE_LIFE_US["5m"] + 1).likely
    assert (late.cache_read, late.cache_write_5m) == (0, expected.likely.prompt)


def test_a_cache_of_an_hour_is_written_as_such() -> None:
    asking = replace(FIRST, prompt=replace(PROMPT, cache_life="1h"))
    assert expect(asking).likely == Usage(cache_write_1h=19_007, output=FIRST_OUTPUT)
    last = Turn(asking, Usage(cache_write_1h=20_000, output=500), 0)
    assert expect(asking, last, CACHE_LIFE_US["1h"]).likely.cache_read == 20_000


def test_automatic_caches_are_read_and_not_written() -> None:
    last = Turn(FIRST, Usage(input=5_000, cache_read=15_000, output=500), 0)
    expected = expect(NEXT, last, 1).likely
    assert (expected.cache_read, expected.cache_write_5m) == (20_000, 0)
    assert expected.input == pytest.approx(1_060, abs=2)


def test_calls_of_a_model_teach_the_next_ones() -> None:
    model = taught(30, Usage(input=30_000, output=100))
    expected = expect(FIRST, model=model)
    assert expected.likely.input == pytest.approx(28_500, rel=0.05)
    assert expected.likely.output == pytest.approx(115, rel=0.2)
    untaught = expect(FIRST)
    assert expected.p95.input / expected.likely.input < untaught.p95.input / untaught.likely.input


def test_a_session_outweighs_its_model() -> None:
    model, session = taught(50, Usage(input=20_000, output=100)), taught(20, Usage(input=30_000, output=3_000))
    expected = expect(FIRST, model=model, session=session).likely
    assert expected.input > 26_000
    assert expected.output > 1_200


def test_later_turns_teach_what_turns_add() -> None:
    last = Turn(FIRST, Usage(input=20_000, output=500), 0)
    model = taught(40, Usage(input=22_000, output=500), NEXT, last)
    assert model.first == NOTHING.first
    assert expect(NEXT, last, model=model).likely.input == pytest.approx(21_900, abs=200)


def test_one_freak_spoils_nothing() -> None:
    usual = taught(10, Usage(input=20_000, output=500))
    freak = learned(usual, FIRST, None, Usage(input=900_000, output=500))
    assert expect(FIRST, model=freak).likely.input < 1.1 * expect(FIRST, model=usual).likely.input


@pytest.mark.parametrize(
    "facts",
    [replace(FIRST, uncapped=("web_search",)), replace(FIRST, rounds=3)],
)
def test_what_server_tools_found_teaches_nothing_of_prompts(facts: Facts) -> None:
    experience = learned(NOTHING, facts, None, Usage(input=400_000, output=500))
    assert (experience.first, experience.output.count) == (NOTHING.first, 1)


def test_what_only_the_output_is_open_for_teaches_the_prompt() -> None:
    assert learned(NOTHING, replace(FIRST, uncapped=("reasoning",)), None, Usage(input=20_000)).first.count > 0.9


def test_a_tiny_prompt_teaches_little() -> None:
    tiny = replace(FIRST, prompt=Prompt(messages=1, text_bytes=20))
    assert learned(NOTHING, tiny, None, Usage(input=60)).first.count < 0.1


def test_a_prompt_that_was_not_counted_or_not_weighed_teaches_nothing() -> None:
    assert learned(NOTHING, FIRST, None, Usage(output=9)).first == NOTHING.first
    assert learned(NOTHING, Facts("m", body_bytes=9_000), None, Usage(input=9)).first == NOTHING.first


def test_server_tools_with_a_maximum_widen_the_bound_only() -> None:
    searching = expect(replace(FIRST, rounds=4))
    assert searching.likely == expect(FIRST).likely
    assert searching.p95.input > expect(FIRST).p95.input + searching.likely.input


@given(
    sizes=st.tuples(SIZES, SIZES),
    tools=st.booleans(),
    life=st.sampled_from((None, "5m", "1h")),
    counted=st.builds(Usage, *[st.integers(0, 10**7)] * 5),
    calls=st.lists(st.builds(Usage, st.integers(1, 10**7), output=st.integers(0, 10**6)), max_size=5),
)
def test_an_estimate_is_never_negative_and_its_bound_never_below(
    sizes: tuple[int, int], tools: bool, life: str | None, counted: Usage, calls: list[Usage]
) -> None:
    before, now = (
        Facts("m", body_bytes=size, has_tools=tools, prompt=Prompt(messages=1, text_bytes=size, cache_life=life))
        for size in sizes
    )
    for last in (None, Turn(before, counted, 0)):
        experience = NOTHING
        for usage in calls:
            experience = learned(experience, now, last, usage)
        expected = expect(now, last, 1, experience, experience)
        for usage in (expected.likely, expected.p95):
            assert min(usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output) >= 0
        assert expected.likely.prompt <= expected.p95.prompt
        assert expected.likely.output <= expected.p95.output
