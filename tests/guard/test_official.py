"""What is known of the providers' own windows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tokenguard.guard.official import Official
from tokenguard.ledger import Ledger
from tokenguard.records import OfficialWindow

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
START_US = 1_791_500_000_000_000
FIVE_HOURS = OfficialWindow("anthropic", "five_hour", 40.0, START_US + HOUR_US, minutes=300, seen_us=START_US)
WEEK = OfficialWindow("anthropic", "seven_day", 80.0, START_US + 50 * HOUR_US, minutes=10_080, seen_us=START_US)
CODEX = OfficialWindow("chatgpt", "primary", 3.0, None, minutes=60, seen_us=START_US)


class Clock:
    now_us = START_US

    def __call__(self) -> int:
        return self.now_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.db")
    yield opened
    await opened.close()


@pytest.fixture
async def official(ledger: Ledger, clock: Clock) -> Official:
    return Official(ledger, clock)


async def test_what_was_never_told_is_not_known(official: Official) -> None:
    assert (official.window("anthropic/five_hour"), official.all()) == (None, [])


async def test_the_last_word_counts(official: Official) -> None:
    official.learn([CODEX, WEEK, FIVE_HOURS])
    less = replace(FIVE_HOURS, used_percent=0.0, resets_us=START_US + 6 * HOUR_US)
    assert official.learn([less]) == [less]
    assert official.window("anthropic/five_hour") == less
    assert official.all() == [less, WEEK, CODEX]


@pytest.mark.parametrize(
    ("said", "new"),
    [
        (FIVE_HOURS, False),
        (replace(FIVE_HOURS, seen_us=START_US + 5), False),
        (replace(FIVE_HOURS, resets_us=START_US + HOUR_US + 1_000_000), False),
        (replace(FIVE_HOURS, used_percent=41.0), True),
        (replace(FIVE_HOURS, resets_us=START_US + 2 * HOUR_US), True),
        (replace(FIVE_HOURS, resets_us=None), True),
        (replace(FIVE_HOURS, minutes=None), True),
    ],
)
async def test_only_what_changed_is_told(official: Official, said: OfficialWindow, new: bool) -> None:
    assert official.learn([FIVE_HOURS]) == [FIVE_HOURS]
    assert bool(official.learn([said])) is new


async def test_after_its_reset_a_window_is_unused(official: Official, clock: Clock) -> None:
    official.learn([FIVE_HOURS, WEEK])
    clock.now_us = START_US + HOUR_US - 1
    assert official.window("anthropic/five_hour") == FIVE_HOURS
    clock.now_us += 1
    assert official.window("anthropic/five_hour") == replace(FIVE_HOURS, used_percent=0.0, resets_us=None)
    assert official.all() == [WEEK]


@pytest.mark.parametrize(("minutes", "lasts_us"), [(60, HOUR_US), (None, 168 * HOUR_US)])
async def test_without_a_reset_a_window_is_believed_for_its_length(
    official: Official, clock: Clock, minutes: int | None, lasts_us: int
) -> None:
    official.learn([replace(CODEX, minutes=minutes)])
    clock.now_us = START_US + lasts_us - 1
    assert [window.used_percent for window in official.all()] == [3.0]
    clock.now_us += 1
    assert official.all() == []


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (replace(FIVE_HOURS, used_percent=41.0), True),
        (replace(FIVE_HOURS, used_percent=39.0), False),
        (replace(FIVE_HOURS, used_percent=99.0, resets_us=START_US + 30 * MINUTE_US), False),
        (replace(FIVE_HOURS, used_percent=1.0, resets_us=START_US + 6 * HOUR_US), True),
        (replace(FIVE_HOURS, used_percent=99.0, resets_us=START_US), False),
        (replace(FIVE_HOURS, used_percent=99.0, resets_us=None), False),
        (WEEK, True),
    ],
)
async def test_what_is_retold_counts_where_it_is_news(official: Official, told: OfficialWindow, counts: bool) -> None:
    official.learn([FIVE_HOURS])
    assert bool(official.hear([told])) is counts
    assert (official.window(told.key) == told) is counts


async def test_a_new_daemon_still_knows(tmp_path: Path, clock: Clock) -> None:
    first = Ledger.open(tmp_path / "ledger.db")
    Official(first, clock).learn([FIVE_HOURS, CODEX, replace(FIVE_HOURS, used_percent=44.0)])
    await first.close()
    second = Ledger.open(tmp_path / "ledger.db")
    assert Official(second, clock).all() == [replace(FIVE_HOURS, used_percent=44.0), CODEX]
    await second.close()


async def test_a_ledger_that_cannot_write_is_no_reason_to_forget(
    ledger: Ledger, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    official = Official(ledger, clock)
    await ledger.close()
    official.learn([FIVE_HOURS])
    await asyncio.sleep(0)
    assert official.window("anthropic/five_hour") == FIVE_HOURS
    assert "what a provider said of its window is not in the ledger" in caplog.text
