"""Caches that nobody read."""

from __future__ import annotations

from tests.reports.advice.support import BEGIN, HOUR_US, OPUS, Books, hows, nanos
from tokenguard.records import Usage
from tokenguard.reports.advice import unread_caches

WRITES = Usage(input=100, cache_write_5m=30_000, output=500)
READS = Usage(input=100, cache_read=30_000, cache_write_5m=500, output=500)


def test_what_writing_cost_beyond_input(books: Books) -> None:
    books.call(WRITES)
    found = unread_caches.find(books.asked())
    assert found is not None
    extra = nanos(Usage(cache_write_5m=30_000), OPUS) - nanos(Usage(input=30_000), OPUS)
    assert (found.calls, found.cost_nanos, found.saving_nanos) == (1, nanos(WRITES, OPUS), extra)
    assert "30.0k tokens" in found.finding
    assert hows(found) == ["DISABLE_PROMPT_CACHING=1", "claude -p --continue"]


def test_an_hours_cache_costs_twice_the_input(books: Books) -> None:
    books.call(Usage(cache_write_1h=30_000))
    found = unread_caches.find(books.asked())
    assert found is not None
    assert found.saving_nanos == nanos(Usage(input=30_000), OPUS)


def test_what_is_read_later_is_not_lost(books: Books) -> None:
    books.call(WRITES)
    books.call(READS)
    assert unread_caches.find(books.asked()) is None


def test_another_conversation_that_begins_alike_reads_it_too(books: Books) -> None:
    books.call(WRITES)
    books.call(READS, session="s2")
    assert unread_caches.find(books.asked()) is None


def test_it_does_so_only_while_it_lasts(books: Books) -> None:
    books.call(WRITES)
    books.pause(5)
    books.call(READS, session="s2")
    books.call(Usage(cache_write_1h=30_000), session="s3")
    books.pause(5)
    books.call(READS, session="s4")
    found = unread_caches.find(books.asked())
    assert found is not None and found.calls == 1


def test_another_conversation_goes_on_reading_its_own(books: Books) -> None:
    books.call(READS, session="s2")
    books.call(READS, subagent="a1")
    books.call(WRITES)
    books.call(READS, session="s2")
    books.call(READS, subagent="a1")
    books.call(READS, session="s3", model="claude-sonnet-5-5")
    books.call(Usage(cache_read=40_000), session="s4")
    found = unread_caches.find(books.asked())
    assert found is not None and found.calls == 1


def test_a_conversation_that_has_read_before_is_another_matter(books: Books) -> None:
    books.call(READS)
    books.pause(30)
    books.call(WRITES)
    assert unread_caches.find(books.asked()) is None


def test_a_beginning_that_changes_every_time_is_never_read(books: Books) -> None:
    for _ in range(3):
        books.call(WRITES)
    found = unread_caches.find(books.asked())
    assert found is not None and found.calls == 3


def test_what_was_written_just_now_may_be_read_yet(books: Books) -> None:
    books.call(WRITES)
    assert unread_caches.find(books.asked(until_us=BEGIN + HOUR_US)) is None
    assert unread_caches.find(books.asked(until_us=BEGIN + HOUR_US + 1)) is not None


def test_the_last_turn_of_a_conversation_is_no_habit(books: Books) -> None:
    books.call(READS)
    assert unread_caches.find(books.asked()) is None


def test_who_asks_nothing_for_writing_is_left_out(books: Books) -> None:
    books.call(Usage(cache_write_5m=30_000), model="deepseek-v4-pro", provider="deepseek")
    assert unread_caches.find(books.asked()) is None
