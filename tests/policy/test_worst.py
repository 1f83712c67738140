from __future__ import annotations

import pytest
from msgspec.structs import replace

from tokenguard.policy.estimate import Turn
from tokenguard.policy.worst import WORST_PREAMBLE, WORST_TOOL_PROMPT, by_count, worst
from tokenguard.records import Facts, Prompt, Usage


def test_the_worst_case_is_a_token_a_byte_and_all_the_output_allowed() -> None:
    sent = 8_000 + WORST_PREAMBLE
    assert worst(Facts("m", body_bytes=8_000, max_output=32_000), 200_000) == Usage(input=sent, output=32_000)
    assert worst(Facts("m", body_bytes=8_000), 200_000) == Usage(input=sent, output=200_000)
    with_tools = Facts("m", body_bytes=8_000, max_output=1, has_tools=True)
    assert worst(with_tools, None) == Usage(input=sent + WORST_TOOL_PROMPT, output=1)
    provided = replace(with_tools, provided_tools=2)
    assert worst(provided, None) == Usage(input=sent + 3 * WORST_TOOL_PROMPT, output=1)


def test_the_worst_case_of_what_was_counted_before_is_that_and_what_is_new() -> None:
    facts = Facts("m", body_bytes=8_000, max_output=1)
    assert worst(facts, None, repeated=2_500) == Usage(input=2_500, output=1)
    assert worst(replace(facts, has_tools=True), None, repeated=2_500) == Usage(
        input=2_500 + WORST_TOOL_PROMPT, output=1
    )
    assert worst(facts, None, repeated=90_000) == Usage(input=8_000 + WORST_PREAMBLE, output=1)
    assert worst(replace(facts, counted=by_count(2_000)), None, repeated=2_500) == Usage(input=2_250, output=1)


def test_the_worst_case_of_an_image_is_a_full_window_unless_it_was_counted() -> None:
    shown = Facts("m", body_bytes=8_000, max_output=1, prompt=Prompt(messages=1, media=1))
    assert worst(shown, None) is None
    assert worst(shown, 200_000) == Usage(input=200_000, output=1)
    assert worst(replace(shown, body_bytes=300_000), 200_000) == Usage(input=300_000 + WORST_PREAMBLE, output=1)
    assert worst(shown, None, repeated=5_000) == Usage(input=5_000, output=1)
    assert worst(replace(shown, counted=4_000), None) == Usage(input=4_000, output=1)


def test_the_worst_case_of_server_tools_is_a_full_window_for_every_time_the_model_is_called() -> None:
    searching = Facts("m", body_bytes=8_000, max_output=1_000, rounds=4)
    assert worst(searching, 200_000) == Usage(input=800_000, output=4_000)
    assert worst(searching, None) is None


def test_the_worst_case_of_a_response_that_is_continued_has_all_of_it() -> None:
    added = Facts(
        "m", max_output=100, body_bytes=600, uncapped=("previous_response_id",), prompt=Prompt(1, 470, continues="r")
    )
    last = Turn(Facts("m"), Usage(input=20_000, cache_read=5_000, output=500), 0)
    assert worst(added, None, last) == Usage(input=26_100 + WORST_PREAMBLE, output=100)
    assert worst(added, None) is None


@pytest.mark.parametrize("facts", [Facts("m", body_bytes=1), Facts("m", max_output=5, uncapped=("web_search",))])
def test_what_nothing_bounds_has_no_worst_case(facts: Facts) -> None:
    assert worst(facts, None) is None
