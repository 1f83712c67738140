"""What tells an agent that runs in circles from one at work, and how it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy import loops
from tokenguard.policy.loops import PATIENCE, SOON_US, UNHURRIED_US, Failures, Sameness, Streak
from tokenguard.policy.retrying import is_safe
from tokenguard.policy.wording import plain_refusal
from tokenguard.records import Trail


def run(calls: int, count: int, *, waited_us: int = 0, streak: Streak | None = None) -> Streak:
    """The streak after so many more turns that called the same."""
    streak = streak or Streak()
    before = streak.repeats if streak.calls == calls else 0
    for repeats in range(before + 1, before + count + 1):
        streak = loops.repeated(streak, Trail(1, "Bash", calls, repeats), waited_us)
    return streak


def test_a_streak_in_a_hurry_is_at_its_limit_at_once() -> None:
    assert not loops.is_circling(run(7, 7), 8)
    assert loops.is_circling(run(7, 8), 8)
    assert not loops.is_circling(run(7, 100), 0)


def test_what_takes_long_may_repeat_longer() -> None:
    assert not loops.is_circling(run(7, 8 * PATIENCE - 1, waited_us=UNHURRIED_US), 8)
    assert loops.is_circling(run(7, 8 * PATIENCE, waited_us=UNHURRIED_US), 8)


def test_a_history_that_was_not_seen_counts_as_it_is() -> None:
    assert loops.is_circling(loops.repeated(Streak(), Trail(1, "Bash", 7, 8), 0), 8)


def test_anything_else_in_between_begins_anew() -> None:
    streak = run(7, 7)
    for other in (Trail(1, "Bash", 8, 1), Trail(1, "Bash", 7, 1)):
        assert loops.repeated(streak, other, 0) == Streak(other.calls, 1)


def test_a_request_that_is_sent_again_is_no_further_turn() -> None:
    streak = run(7, 7)
    assert loops.repeated(streak, Trail(1, "Bash", 7, 7), 0) == streak
    # So is one of an agent that began with the same words.
    assert loops.repeated(streak, Trail(1, "Bash", 7, 3), 0) == streak


def test_what_was_told_is_told_again_when_as_much_has_happened_again() -> None:
    streak = loops.told(run(7, 8))
    assert not loops.is_circling(run(7, 7, streak=streak), 8)
    assert loops.is_circling(run(7, 8, streak=streak), 8)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60), st.integers(2, 9))
def test_a_streak_is_never_early(turns: list[tuple[int, bool]], limit: int) -> None:
    streak, repeats, hurried, last = Streak(), 0, 0, -1
    for calls, slow in turns:
        repeats, hurried = (repeats + 1, hurried + (not slow)) if calls == last else (1, 1)
        last = calls
        streak = loops.repeated(streak, Trail(1, "Bash", calls, repeats), UNHURRIED_US if slow else 0)
        assert loops.is_circling(streak, limit) == (hurried >= limit or repeats >= PATIENCE * limit)


def test_the_same_request_counts_once_it_was_answered() -> None:
    same = Sameness()
    for number in range(1, 5):
        same = loops.asked(same, 9, 0)
        assert not loops.is_the_same(same, 5)
        same = loops.answered(same, 9, failed=False)
        assert same.succeeded == number
    assert loops.is_the_same(loops.asked(same, 9, SOON_US), 5)
    assert not loops.is_the_same(loops.asked(same, 9, SOON_US + 1), 5)
    assert not loops.is_the_same(loops.asked(same, 8, 0), 5)
    assert not loops.is_the_same(same, 0)
    told = loops.told_same(same)
    for number in range(5):
        assert loops.is_the_same(told, 5) is (number == 5)
        told = loops.answered(told, 9, failed=False)
    assert loops.is_the_same(told, 5)


def test_what_failed_is_sent_again_with_good_reason() -> None:
    same = loops.answered(Sameness(9, succeeded=4), 9, failed=True)
    assert not loops.is_the_same(loops.asked(same, 9, 0), 2)


def test_requests_without_a_fingerprint_are_never_the_same() -> None:
    same = Sameness()
    for _ in range(9):
        same = loops.answered(loops.asked(same, 0, 0), 0, failed=False)
        assert not loops.is_the_same(same, 2)


def test_an_answer_to_another_request_counts_for_nothing() -> None:
    assert loops.answered(Sameness(9), 8, failed=False) == Sameness(9)


def test_failures_count_while_they_follow_each_other() -> None:
    failures, now = Failures(), 10**15
    for _ in range(19):
        now += loops.QUIET_US
        failures = loops.failed(failures, now)
        assert not loops.is_storm(failures, 20)
    assert loops.is_storm(loops.failed(failures, now), 20)
    assert not loops.is_storm(loops.failed(failures, now), 0)
    assert loops.failed(failures, now + loops.QUIET_US + 1).count == 1
    told = loops.told_failures(loops.failed(failures, now))
    for _ in range(20):
        assert not loops.is_storm(told, 20)
        told = loops.failed(told, now)
    assert loops.is_storm(told, 20)


def test_findings_say_what_repeated_and_how_to_go_on() -> None:
    assert loops.circling("Bash", 8, "hold").text == (
        "the tool Bash was called 8 times in a row with the same arguments; a new prompt goes on"
    )
    assert loops.same_again(5, "refuse").text == "the same request was made 5 times in a row; another prompt goes on"
    assert loops.storm(20, "refuse").text == "20 calls in a row failed; it goes on after a minute"
    assert loops.racing(12.3, "warn").text == (
        "this session spends 12 times as fast as before; stop the agent if that is not meant"
    )


@given(st.text(max_size=60), st.integers(2, 10**6), st.sampled_from(loops.ACTIONS))
def test_whatever_a_tool_is_called_no_agent_takes_it_for_a_reason_to_try_again(
    tool: str, count: int, action: str
) -> None:
    for finding in (
        loops.circling(tool, count, action),
        loops.same_again(count, action),
        loops.storm(count, action),
        loops.racing(float(count), action),
    ):
        assert is_safe(finding.text) and finding.text.isprintable() and len(finding.text) < 160
        assert finding.text in plain_refusal(finding.text)
        assert finding.rule in loops.RULES and finding.action == action


@pytest.mark.parametrize("tool", ["mcp__rate_limit__get", 'say "hi"', "http_503", ""])
def test_a_name_that_does_harm_is_left_out(tool: str) -> None:
    assert loops.circling(tool, 8, "warn").text.startswith("a tool was called 8 times in a row")


def test_a_name_cannot_bring_a_terminal_to_anything() -> None:
    assert "\x1b" not in loops.circling("\x1b[2JBash" + "x" * 99, 8, "warn").text
