"""Which thread a rollout is of, and what it replays."""

from __future__ import annotations

from tests.agents_logs.rollouts import PARENT, THREAD, counts, event, meta, read, record, turn


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
