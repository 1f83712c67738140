"""Codex' rollouts, rule by rule."""

from __future__ import annotations

import pytest

from tests.agents_logs.rollouts import THREAD, counts, event, meta, read, record, turn
from tests.agents_logs.support import Odd, line


def test_totals_are_cumulative_and_the_last_one_counts() -> None:
    found = read(
        meta(),
        turn(),
        event(counts(100, 0, 10), counts(100, 0, 10)),
        event(counts(300, 0, 40), counts(200, 0, 30)),
    )
    assert [one.usage.input for one in found] == [100, 200]


def test_an_unchanged_total_and_rate_limits_are_nothing_new() -> None:
    first = event(counts(100, 0, 10), counts(100, 0, 10))
    assert len(read(meta(), turn(), first, event(None), first, first)) == 1


def test_a_counter_that_fell_began_anew() -> None:
    found = read(meta(), turn(), event(counts(500, 0, 50)), event(counts(80, 0, 90)), event(counts(100, 0, 95)))
    assert [(one.usage.input, one.usage.output) for one in found] == [(500, 50), (80, 90), (20, 5)]


def test_a_total_that_comes_again_after_a_restart_is_another_response() -> None:
    found = read(meta(), turn(), *(event(counts(*one)) for one in [(100, 0, 10), (300, 0, 30), (100, 0, 10)]))
    assert len({one.key for one in found}) == 3


def test_records_are_of_one_response_each() -> None:
    found = read(
        meta(),
        turn(),
        record("resp_1", counts(100, 0, 10)),
        event(counts(100, 0, 10)),
        record("resp_2", counts(7, 0, 1)),
    )
    assert [(one.key, one.response_id) for one in found] == [
        (f"{THREAD}:resp_1", "resp_1"),
        (f"{THREAD}:resp_2", "resp_2"),
    ]
    assert [one.usage.input for one in found] == [100, 7]


@pytest.mark.parametrize("visits", [1, 2, 3])
def test_a_thread_that_goes_on_with_another_version_counts_each_turn_once(visits: int) -> None:
    values = [
        meta(),
        turn(id="t1"),
        event(counts(100, 0, 10), counts(100, 0, 10)),
        turn(id="t2"),
        event(counts(150, 0, 15), counts(50, 0, 5)),
        record("resp_2", counts(50, 0, 5)),
        record("resp_3", counts(60, 0, 6)),
        event(counts(210, 0, 21), counts(60, 0, 6)),
        turn(id="t3"),
        event(counts(280, 0, 28), counts(70, 0, 7)),
    ]
    found = {one.key: one for one in read(*values, visits=visits)}
    assert sum(one.usage.input for one in found.values()) == 100 + 50 + 60 + 70
    assert [one.response_id for one in found.values()] == [None, "resp_2", "resp_3", None]


def test_what_is_odd_is_noted_and_stops_nothing() -> None:
    odd = Odd()
    broken = event(counts(50, 0, 5))
    broken["payload"]["info"]["total_token_usage"]["output_tokens"] = -5
    found = read(
        meta(), turn(), broken, {"type": "novelty", "payload": {"x": "token_count"}}, event(counts(90, 0, 9)), odd=odd
    )
    assert [one.usage.input for one in found] == [50, 40]
    assert odd.seen == [("doubtful", "malformed"), ("unknown-type", "novelty")]


def test_what_was_added_to_half_a_line_is_read() -> None:
    states: dict[str, bytes] = {}
    torn = line(event(counts(50, 0, 5)))[:80] + line(event(counts(90, 0, 9)))
    assert [one.usage.input for one in read(meta(), turn(), torn, states=states)] == [90]


def test_no_line_of_text_is_taken_for_a_count() -> None:
    text = {"type": "response_item", "payload": {"type": "message", "content": [{"text": 'the "token_count" event'}]}}
    odd = Odd()
    assert read(meta(), turn(), text, {"type": "response_item", "payload": {"type": "token_count"}}, odd=odd) == []
    assert odd.seen == []
