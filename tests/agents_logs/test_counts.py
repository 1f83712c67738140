"""Counts that overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenguard.agents.logs.counts import counts, with_cache_inside
from tokenguard.records import Usage

COUNTS = st.integers(0, 1 << 40)


def test_what_was_cached_is_taken_out_of_the_prompt_that_holds_it() -> None:
    assert with_cache_inside(10_000, 8_000, 1_500, 400, 100) == Usage(500, 8_000, 1_500, 0, 400, 100)


def test_a_prompt_that_is_smaller_than_what_was_cached_stands_beside_it() -> None:
    assert with_cache_inside(4, 8_000, 0, 400) == Usage(input=4, cache_read=8_000, output=400)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_no_token_is_lost_or_counted_twice(prompt: int, read: int, written: int, output: int) -> None:
    usage = with_cache_inside(prompt, read, written, output)
    assert min(usage.input, usage.cache_read, usage.cache_write_5m, usage.output) >= 0
    assert usage.prompt in (prompt, prompt + read + written)


def test_what_is_no_count_counts_nothing_and_is_told_from_what_is_not_there() -> None:
    assert counts((3, None, 0)) == ([3, 0, 0], True)
    assert counts((-1, "9", 1.5, 1 << 60, b"")) == ([0] * 5, False)
