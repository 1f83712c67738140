"""Sessions whose context grew past a length at which every token costs more."""

from __future__ import annotations

import pytest

from tests.reports.advice.support import HAIKU, OPUS, Books, hows, nanos
from tokenguard.records import Usage
from tokenguard.reports.advice import price_cliffs


def prompt(tokens: int) -> Usage:
    return Usage(input=1_000, cache_read=tokens - 1_000, output=400)


def test_the_share_of_the_price_that_is_for_the_length(books: Books) -> None:
    for size in (90_000, 100_000, 100_001, 150_000):
        books.call(prompt(size), model=HAIKU)
    found = price_cliffs.find(books.asked())
    assert found is not None
    beyond = nanos(prompt(100_001), HAIKU) + nanos(prompt(150_000), HAIKU)
    # All rates of this model are five times as high beyond.
    assert (found.calls, found.cost_nanos, found.saving_nanos) == (2, beyond, beyond - beyond // 5)
    assert "1 session grew" in found.finding and "Session s1" in found.finding
    assert found.parts[0].detail == "beyond 100k"


def test_a_model_without_a_cliff_has_none(books: Books) -> None:
    books.call(prompt(400_000), model=OPUS)
    books.call(prompt(400_000), model="nobody-knows")
    assert price_cliffs.find(books.asked()) is None


def test_the_session_that_paid_most_is_named(books: Books) -> None:
    books.call(prompt(110_000), model=HAIKU)
    for _ in range(3):
        books.call(prompt(120_000), model=HAIKU, session="s2")
    books.call(prompt(999_000), model=HAIKU, session="s3", started_us=0)
    found = price_cliffs.find(books.asked())
    assert found is not None
    assert "2 sessions grew" in found.finding and "Session s2" in found.finding
    assert "4 calls" in found.finding


def test_what_a_plan_covers_stands_apart(books: Books) -> None:
    books.call(prompt(110_000), model=HAIKU)
    books.call(prompt(110_000), model=HAIKU, billing="subscription")
    found = price_cliffs.find(books.asked())
    assert found is not None
    assert found.saving_nanos == found.notional_saving_nanos > 0


@pytest.mark.parametrize(
    ("agent", "model", "how"),
    [
        ("claude", HAIKU, "CLAUDE_CODE_AUTO_COMPACT_WINDOW=90000"),
        ("codex", "gpt-6.1-sol", "model_auto_compact_token_limit = 244800"),
        ("gemini", "gemini-2.5-pro", '"model": {"compressionThreshold": 0.17}'),
        ("aider", HAIKU, "compact the conversation before 100k tokens, or begin a new one"),
    ],
)
def test_every_agent_is_told_in_its_own_way(books: Books, agent: str, model: str, how: str) -> None:
    books.call(prompt(300_000), model=model, agent=agent)
    assert hows(price_cliffs.find(books.asked()))[0] == how


def test_what_a_log_sums_up_has_no_length(books: Books) -> None:
    books.call(prompt(300_000), model=HAIKU, dialect="log-sums", origin="logged")
    assert price_cliffs.find(books.asked()) is None
    books.call(prompt(300_000), model=HAIKU, dialect="log", origin="logged")
    assert price_cliffs.find(books.asked()) is not None
