"""Pauses that outlasted the cache."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reports.advice.support import OPUS, Books, hows, nanos
from tokenguard.records import Usage
from tokenguard.reports.advice import idle_gaps

WARM = Usage(input=100, cache_read=40_000, cache_write_5m=2_000, output=500)
LOST = Usage(input=100, cache_write_5m=43_000, output=500)
HOURLY = Usage(input=100, cache_read=40_000, cache_write_1h=2_000, output=500)


def test_what_was_sent_again_is_compared_with_reading_it(books: Books) -> None:
    books.call(WARM)
    books.pause(10)
    books.call(LOST)
    found = idle_gaps.find(books.asked())
    assert found is not None
    extra = nanos(Usage(cache_write_5m=42_000), OPUS) - nanos(Usage(cache_read=42_000), OPUS)
    assert (found.calls, found.cost_nanos, found.saving_nanos) == (1, nanos(LOST, OPUS), extra)
    assert found.parts[0].detail == "back within 1 h"
    assert hows(found) == ["ENABLE_PROMPT_CACHING_1H=1", "/compact, or /clear before something else"]


def test_after_an_hour_no_cache_would_have_helped(books: Books) -> None:
    books.call(WARM)
    books.pause(70)
    books.call(LOST)
    found = idle_gaps.find(books.asked())
    assert found is not None
    assert found.parts[0].detail == "back after 1 h"
    assert hows(found) == ["/compact, or /clear before something else"]


def test_what_was_not_cached_again_is_paid_as_input(books: Books) -> None:
    books.call(Usage(cache_read=40_000, output=9), model="gpt-6.1-sol", agent="codex")
    books.pause(20)
    books.call(Usage(input=41_000, output=9), model="gpt-6.1-sol", agent="codex")
    found = idle_gaps.find(books.asked())
    assert found is not None
    prices = [nanos(usage, "gpt-6.1-sol", "openai") for usage in (Usage(input=40_000), Usage(cache_read=40_000))]
    assert found.saving_nanos == prices[0] - prices[1]


@pytest.mark.parametrize(
    ("before", "minutes", "after", "fields"),
    [
        (WARM, 3, LOST, {}),
        (HOURLY, 40, LOST, {}),
        (WARM, 20, WARM, {}),
        (WARM, 20, Usage(cache_write_5m=20_000), {}),
        (WARM, 20, LOST, {"model": "claude-sonnet-5-5"}),
        (WARM, 20, LOST, {"session": "s2"}),
        (WARM, 20, LOST, {"subagent": "a1"}),
        (WARM, 20, LOST, {"request_class": "compaction"}),
        (WARM, 20, LOST, {"request_class": "side"}),
        (WARM, 20, LOST, {"request_class": "sub-agent"}),
        (Usage(input=42_000), 20, LOST, {}),
    ],
    ids=["short", "an hour's cache", "nothing lost", "shortened", "other model", "other session", "sub-agent"]
    + ["compaction", "side", "sub-agents without ids", "no cache"],
)
def test_other_reasons_are_no_pauses(
    books: Books, before: Usage, minutes: int, after: Usage, fields: dict[str, Any]
) -> None:
    books.call(before, **{name: value for name, value in fields.items() if name == "request_class"})
    books.pause(minutes)
    books.call(after, **fields)
    assert idle_gaps.find(books.asked()) is None


def test_an_hours_cache_is_outlasted_too(books: Books) -> None:
    books.call(HOURLY)
    books.pause(61)
    books.call(Usage(input=100, cache_write_1h=43_000, output=500))
    found = idle_gaps.find(books.asked())
    assert found is not None
    written = nanos(Usage(cache_write_1h=42_000), OPUS) - nanos(Usage(cache_read=42_000), OPUS)
    assert found.saving_nanos == written


def test_conversations_side_by_side_are_told_apart(books: Books) -> None:
    books.call(WARM)
    books.call(WARM, subagent="a1")
    books.pause(20)
    books.call(LOST, subagent="a1")
    books.call(LOST)
    found = idle_gaps.find(books.asked())
    assert found is not None and found.calls == 2
