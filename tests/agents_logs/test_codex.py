"""Codex' rollouts, rule by rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.agents_logs.support import Odd, line, lines_of
from tokenguard.agents.logs import codex
from tokenguard.agents.logs.shape import File, Sighting
from tokenguard.records import Usage

AT = "2026-03-01T10:00:{:02d}.000Z"
THREAD, PARENT = "0199-child", "0199-parent"


def meta(thread: str = THREAD, second: int = 0, **more: Any) -> dict[str, Any]:
    payload = {"id": thread, "timestamp": AT.format(second), "cwd": "/src/web", "git": {"branch": "main"}, **more}
    return {"timestamp": AT.format(second), "type": "session_meta", "payload": payload}


def turn(model: str | None = "gpt-5.1-codex", id: str | None = None) -> dict[str, Any]:
    payload = {"cwd": "/src/web/api", "turn_id": id} | ({"model": model} if model else {})
    return {"timestamp": AT.format(1), "type": "turn_context", "payload": payload}


def counts(prompt: int, cached: int, output: int, reasoning: int = 0) -> dict[str, int]:
    return {
        "input_tokens": prompt,
        "cached_input_tokens": cached,
        "output_tokens": output,
        "reasoning_output_tokens": reasoning,
        "total_tokens": prompt + output,
    }


def event(total: Mapping[str, int] | None, last: Mapping[str, int] | None = None, second: int = 10) -> dict[str, Any]:
    info = {"total_token_usage": total} | ({"last_token_usage": last} if last else {})
    payload = {"type": "token_count", "info": info if total else None, "rate_limits": {}}
    return {"timestamp": AT.format(second), "type": "event_msg", "payload": payload}


def record(response: str | None, usage: Mapping[str, int], second: int = 10) -> dict[str, Any]:
    payload = {"response_id": response, "usage": usage, "total": counts(9_999, 0, 9_999)}
    return {"timestamp": AT.format(second), "type": "token_usage_record", "payload": payload}


def read(
    *values: object, states: dict[str, bytes] | None = None, odd: Odd | None = None, visits: int = 1
) -> list[Sighting]:
    """What a rollout shows, read in as many visits; `states` are those of the other threads, and take in this one's."""
    known = {} if states is None else states
    path = "/home/ada/.codex/sessions/2026/03/01/rollout-2026-03-01T10-00-00-other.jsonl"
    opened = File(path, 0, lambda name: b"", lambda label: known.get(label, b""))
    source, found, state = lines_of(codex), list[Sighting](), b""
    for visit in range(visits):
        follower = source.follow(opened, state, odd or Odd())
        for offset in range(visit, len(values), visits) if visits == 1 else _part(len(values), visit, visits):
            value = values[offset]
            encoded = value if isinstance(value, bytes) else line(value)
            if any(marker in encoded for marker in source.markers):
                found += [one for one in follower.take(encoded, offset) if isinstance(one, Sighting)]
        state = follower.save()
        known[follower.label] = state
    return found


def _part(size: int, visit: int, visits: int) -> range:
    step = -(-size // visits)
    return range(visit * step, min(size, (visit + 1) * step))


def test_cached_is_inside_the_input_and_reasoning_inside_the_output() -> None:
    (one,) = read(meta(), turn(), event(counts(1_000, 600, 200, 150), counts(1_000, 600, 200, 150)))
    assert one.usage == Usage(input=400, cache_read=600, output=200, reasoning=150)
    assert (one.session, one.model, one.folder, one.branch) == (THREAD, "gpt-5.1-codex", "/src/web/api", "main")
    assert one.provider == "openai"


def test_writes_to_the_cache_are_inside_the_input_too() -> None:
    usage = counts(1_000, 600, 200) | {"cache_write_input_tokens": 300}
    (one,) = read(meta(), turn(), record("resp_1", usage))
    assert one.usage == Usage(input=100, cache_read=600, cache_write_5m=300, output=200)


def test_totals_are_cumulative_and_the_last_one_counts() -> None:
    found = read(
        meta(),
        turn(),
        event(counts(100, 0, 10), counts(100, 0, 10)),
        event(counts(300, 0, 40), counts(200, 0, 30)),
    )
    assert [one.usage.input for one in found] == [100, 200]


def test_without_a_last_one_the_difference_counts() -> None:
    found = read(meta(), turn(), event(counts(100, 0, 10)), event(counts(300, 50, 40, 8)))
    assert [one.usage for one in found] == [Usage(100, output=10), Usage(150, 50, output=30, reasoning=8)]


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


def test_the_model_is_that_of_the_last_turn_and_may_be_unknown() -> None:
    found = read(
        meta(),
        turn(None),
        event(counts(1, 0, 1)),
        turn("gpt-5-codex"),
        event(counts(2, 0, 2)),
        turn("gpt-5.1-codex-max"),
        event(counts(3, 0, 3)),
    )
    assert [one.model for one in found] == ["", "gpt-5-codex", "gpt-5.1-codex-max"]


def test_a_fork_replays_its_parent_and_goes_on() -> None:
    states: dict[str, bytes] = {}
    before = [turn(), event(counts(100, 0, 10)), event(counts(300, 0, 30))]
    read(meta(PARENT), *before, event(counts(900, 0, 90)), states=states)
    replayed = [event(counts(100, 0, 10), second=40), event(counts(300, 0, 30), second=50)]
    found = read(
        meta(forked_from_id=PARENT, second=30),
        meta(PARENT),
        turn(),
        *replayed,
        event(counts(360, 0, 35), second=55),
        event(counts(900, 0, 90), second=56),
        states=states,
    )
    assert [one.usage.input for one in found] == [60, 540]
    assert {(one.session, one.parent) for one in found} == {(THREAD, PARENT)}


def test_a_fork_of_a_fork_knows_what_both_replayed() -> None:
    states: dict[str, bytes] = {}
    first, second = event(counts(100, 0, 10)), event(counts(300, 0, 30))
    read(meta(PARENT), turn(), first, states=states)
    read(meta("0199-middle", forked_from_id=PARENT), meta(PARENT), turn(), first, second, states=states)
    found = read(meta(forked_from_id="0199-middle"), turn(), first, second, event(counts(310, 0, 31)), states=states)
    assert [one.usage.input for one in found] == [10]


def test_a_fork_replays_records_by_their_ids() -> None:
    states: dict[str, bytes] = {}
    read(meta(PARENT), turn(), record("resp_1", counts(100, 0, 10)), states=states)
    found = read(
        meta(forked_from_id=PARENT),
        turn(),
        record("resp_1", counts(100, 0, 10)),
        record("resp_2", counts(20, 0, 2)),
        states=states,
    )
    assert [one.response_id for one in found] == ["resp_2"]


def test_without_its_parent_what_a_fork_does_at_once_is_replayed() -> None:
    found = read(
        meta(forked_from_id="0199-gone", second=10),
        turn(),
        event(counts(100, 0, 10), second=10),
        event(counts(300, 0, 30), second=14),
        event(counts(350, 0, 33), second=16),
        event(counts(360, 0, 34), second=12),
    )
    assert [one.usage.input for one in found] == [50, 10]


def test_a_sub_agent_belongs_to_the_session_in_which_all_began() -> None:
    states: dict[str, bytes] = {}
    read(meta("root"), turn(), event(counts(1, 0, 1)), states=states)
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "root", "agent_role": "explorer"}}}
    read(meta(PARENT, source=spawned), turn(), event(counts(9, 0, 9)), states=states)
    deeper = {"subagent": {"thread_spawn": {"parent_thread_id": PARENT}}}
    (one,) = read(meta(source=deeper), turn(), event(counts(77, 0, 7)), states=states)
    assert (one.session, one.subagent, one.subagent_type, one.sidechain) == ("root", THREAD, None, True)


def test_a_review_is_a_sub_agent_too() -> None:
    (one,) = read(meta(source={"subagent": "review"}), turn(), event(counts(77, 0, 7)))
    assert (one.session, one.subagent_type, one.sidechain) == (THREAD, "review", True)


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
