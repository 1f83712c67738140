from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.estimate import CACHE_LIFE_US, Turn, likely, worst
from tokenguard.records import Facts, Usage

SIZES = st.integers(min_value=0, max_value=10**8)


def test_a_first_call_is_estimated_from_its_bytes() -> None:
    assert likely(Facts("m", body_bytes=8_000), None, 0) == Usage(input=2_000, output=640)
    assert likely(Facts("m", body_bytes=8_000, has_tools=True), None, 0).input == 2_350


def test_the_output_limit_of_the_request_holds() -> None:
    assert likely(Facts("m", body_bytes=8_000, max_output=16), None, 0).output == 16
    last = Turn(8_000, Usage(input=2_000, output=900), 0)
    assert likely(Facts("m", body_bytes=8_100, max_output=16), last, 0).output == 16


def test_a_later_call_is_estimated_from_the_turn_before() -> None:
    last = Turn(80_000, Usage(input=20_000, output=500), 0)
    assert likely(Facts("m", body_bytes=84_000), last, 0) == Usage(input=21_000 * 109 // 100, output=500)


def test_what_was_cached_is_expected_from_the_cache() -> None:
    last = Turn(80_000, Usage(input=10, cache_read=15_000, cache_write_5m=4_990, output=500), 0)
    expected = likely(Facts("m", body_bytes=84_000), last, CACHE_LIFE_US)
    assert expected == Usage(cache_read=20_000, cache_write_5m=1_000 * 109 // 100, output=500)


def test_after_five_idle_minutes_the_cache_is_expected_to_be_written_again() -> None:
    last = Turn(80_000, Usage(input=10, cache_read=15_000, cache_write_5m=4_990, output=500), 0)
    expected = likely(Facts("m", body_bytes=84_000), last, CACHE_LIFE_US + 1)
    assert expected.cache_read == 0
    assert expected.cache_write_5m > 20_000


def test_automatic_caches_are_read_and_not_written() -> None:
    last = Turn(80_000, Usage(input=5_000, cache_read=15_000, output=500), 0)
    expected = likely(Facts("m", body_bytes=84_000), last, 1)
    assert (expected.cache_read, expected.cache_write_5m, expected.input) == (20_000, 0, 1_000 * 109 // 100)


def test_a_side_call_is_not_mistaken_for_the_next_turn() -> None:
    last = Turn(80_000, Usage(input=20_000, output=500), 0)
    assert likely(Facts("m", body_bytes=400), last, 0) == Usage(input=100, output=640)


@given(SIZES, SIZES, st.booleans(), st.integers(0, 10**7), st.integers(0, 10**7))
def test_an_estimate_never_has_a_negative_bucket(size: int, before: int, tools: bool, cached: int, output: int) -> None:
    facts = Facts("m", body_bytes=size, has_tools=tools)
    for last in (None, Turn(before, Usage(input=before // 4, cache_read=cached, output=output), 0)):
        usage = likely(facts, last, 1)
        assert min(usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output) >= 0


def test_the_worst_case_is_a_token_a_byte_and_all_the_output_allowed() -> None:
    assert worst(Facts("m", body_bytes=8_000, max_output=32_000), 200_000) == Usage(input=8_000, output=32_000)
    assert worst(Facts("m", body_bytes=8_000), 200_000) == Usage(input=8_000, output=200_000)
    with_tools = worst(Facts("m", body_bytes=8_000, max_output=1, has_tools=True), None)
    assert with_tools is not None
    assert with_tools.input > 8_000


@pytest.mark.parametrize("facts", [Facts("m", body_bytes=1), Facts("m", max_output=5, uncapped=("web_search",))])
def test_what_nothing_bounds_has_no_worst_case(facts: Facts) -> None:
    assert worst(facts, None) is None
