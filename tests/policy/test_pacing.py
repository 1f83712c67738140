"""How fast a session spends, and what tells nothing of it."""

from __future__ import annotations

import pytest

from tokenguard.policy import pacing
from tokenguard.policy.pacing import MINUTE_US, Pace

USD = 1_000_000_000


def worked(minutes: int, nanos: int, *, conversations: int = 1, pace: Pace | None = None, since: int = 0) -> Pace:
    """A pace after so many minutes in which each conversation made two calls of that cost."""
    pace = pace or Pace()
    for minute in range(since, since + minutes):
        for conversation in range(conversations):
            for _ in range(2):
                pace = pacing.spent(pace, conversation, nanos, minute * MINUTE_US)
    return pace


def test_speed_is_that_of_a_minute_of_work() -> None:
    pace = worked(60, USD)
    assert pacing.speed(pace, 0) == pytest.approx(1.0)
    assert pacing.speed(worked(5, 8 * USD, pace=pace, since=60), 0) == pytest.approx(8.0)
    assert pacing.speed(worked(5, USD, pace=pace, since=60), 70 * USD) == pytest.approx(8.0)


def test_many_agents_at_work_are_no_faster() -> None:
    assert pacing.speed(worked(5, USD, conversations=20, pace=worked(60, USD), since=60), 0) == pytest.approx(1.0)


def test_a_break_does_not_slow_the_history_down() -> None:
    assert pacing.speed(worked(5, USD, pace=worked(60, USD), since=1_000), 0) == pytest.approx(1.0)


@pytest.mark.parametrize("pace", [Pace(), worked(19, USD), worked(60, 0), worked(60, 1_000)])
def test_little_tells_nothing(pace: Pace) -> None:
    fast = pacing.spent(pace, 0, USD * 100, 10**6 * MINUTE_US) if pace.recent == () else pace
    assert pacing.speed(fast, 0) == 0.0


def test_a_few_dear_calls_are_no_race() -> None:
    pace = worked(60, USD)
    for _ in range(4):
        pace = pacing.spent(pace, 0, 50 * USD, 99 * MINUTE_US)
    assert pacing.speed(pacing.aged(pace, 99 * MINUTE_US), USD) == 0.0


def test_the_pace_that_was_told_is_the_usual_one() -> None:
    pace = pacing.told(worked(5, 20 * USD, pace=worked(60, USD), since=60))
    assert pacing.speed(worked(5, 20 * USD, pace=pace, since=65), 0) == pytest.approx(1.0)
    assert pacing.told(Pace()) == Pace()


def test_the_oldest_work_fades_and_memory_is_bounded() -> None:
    pace = worked(2_000, USD)
    assert pace.minutes <= pacing.FADING_MINUTES and len(pace.recent) <= pacing.RECENT_MINUTES
    assert pace.nanos / pace.minutes == pytest.approx(2 * USD, rel=0.02)


def test_a_clock_that_stands_still_adds_to_the_last_minute() -> None:
    pace = pacing.spent(pacing.spent(Pace(), 1, 5, 9 * MINUTE_US), 2, 6, 8 * MINUTE_US)
    assert [(one.number, one.nanos, one.calls) for one in pace.recent] == [(9, 11, 2)]
