"""Rows of what logs tell: each response is one row, whoever told of it first."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.logs import AT_US, rows, seen, write
from tests.ledger.support import SECOND_US, START_US, call, in_memory, settlement
from tokenguard.ledger import Where, agreement, queries, writes
from tokenguard.ledger.values import Logged
from tokenguard.records import Confidence, Context, Usage


def test_a_response_is_a_row_however_often_it_is_seen(conn: sqlite3.Connection) -> None:
    assert write(conn, seen()).added == 1
    again = write(conn, seen())
    assert (again.added, again.changed, again.news, again.unsaid) == (0, 0, (), False)
    assert rows(conn) == [("msg_1", "logged", 10, 2, 12)]
    assert queries.totals(conn, Where(origin="logged")).confidence is Confidence.ESTIMATED


def test_what_is_measured_stays_and_the_log_is_its_echo(conn: sqlite3.Connection) -> None:
    writes.settle(conn, settlement(call(1), nanos=700))
    assert write(conn, seen("msg_1", Usage(11, output=1))).joined == 1
    assert write(conn, seen("msg_1", Usage(9, output=4))).joined == 0
    assert rows(conn, "id, origin, cost_nanos") == [(1, "measured", 700)]
    echo = conn.execute("SELECT log_key, call_id, input, output, cost_nanos FROM echoes").fetchall()
    assert echo == [("msg_1", 1, 11, 4, 13)]


def test_what_is_measured_later_takes_the_place(conn: sqlite3.Connection) -> None:
    write(conn, seen("msg_1", context=Context("priority")), seen("msg_9"))
    assert writes.settle(conn, settlement(call(1), nanos=700)) is True
    assert writes.settle(conn, settlement(call(2))) is False
    assert rows(conn, "log_key, origin") == [(None, "measured"), (None, "measured"), ("msg_9", "logged")]
    assert conn.execute("SELECT call_id, log_key FROM echoes").fetchall() == [(1, "msg_1")]
    assert write(conn, seen("msg_1")).added == 0


def test_an_id_that_comes_late_joins_all_the_same(conn: sqlite3.Connection) -> None:
    usage = Usage(999, output=1)
    writes.settle(conn, settlement(call(1)))
    write(conn, seen("turn-1", usage, response_id=None))
    assert len(rows(conn)) == 2
    write(conn, seen("turn-1", usage, response_id="msg_1"))
    assert rows(conn, "id") == [(1,)]


@pytest.mark.parametrize("measured_first", [True, False])
def test_without_an_id_the_same_tokens_at_the_same_time_are_the_same_response(
    conn: sqlite3.Connection, measured_first: bool
) -> None:
    one, other = settlement(call(1)), settlement(call(2))
    log = [seen(f"g-{n}", response_id=None, started_us=START_US + n * SECOND_US) for n in (1, 2, 3)]
    if measured_first:
        for end in (one, other):
            writes.settle(conn, end)
        write(conn, *log)
    else:
        write(conn, *log)
        for end in (one, other):
            writes.settle(conn, end)
    assert sorted(rows(conn, "origin")) == [("logged",), ("measured",), ("measured",)]


@pytest.mark.parametrize(
    "other",
    [
        seen("g", response_id=None, agent="codex", model="gpt-6"),
        seen("g", response_id=None, agent="codex", repo="/src/api"),
        seen("g", Usage(11, output=2), response_id=None),
        seen("g", response_id=None, started_us=AT_US + 900 * SECOND_US),
        seen("g", response_id=None, started_us=AT_US - 900 * SECOND_US),
    ],
)
def test_others_are_not(conn: sqlite3.Connection, other: Logged) -> None:
    writes.settle(conn, settlement(call(5)))
    assert write(conn, other).added == 1


@pytest.mark.parametrize("measured_first", [True, False])
@pytest.mark.parametrize(
    ("repo", "model", "rows_there"),
    [
        ("/src/web", "claude-opus-5-5", 1),
        ("/src/web", "claude-opus-5-5-20261101", 1),
        ("/src/web", "gpt-6", 2),
        ("/src/api", "claude-opus-5-5", 2),
        (None, "claude-opus-5-5", 2),
    ],
)
def test_an_agent_may_have_been_started_as_something_else(
    conn: sqlite3.Connection, measured_first: bool, repo: str | None, model: str, rows_there: int
) -> None:
    measured = replace(call(1), agent="sh", repo="/src/web", model="claude-opus-5-5")
    end = replace(settlement(measured), served="claude-opus-5-5-20261101")
    log = seen("g", response_id=None, repo=repo, model=model)
    for step in (True, False):
        if step is measured_first:
            writes.settle(conn, end)
        else:
            write(conn, log)
    assert len(rows(conn)) == rows_there


@pytest.mark.parametrize("measured_first", [True, False])
@pytest.mark.parametrize(
    ("confidence", "prompt", "rows_there"),
    [(Confidence.ESTIMATED, 10, 1), (Confidence.ESTIMATED, 11, 2), (Confidence.EXACT, 10, 2)],
)
def test_of_a_call_that_was_broken_off_agents_know_less(
    conn: sqlite3.Connection, measured_first: bool, confidence: Confidence, prompt: int, rows_there: int
) -> None:
    end = settlement(call(1))
    assert end.charge is not None
    end = replace(end, charge=replace(end.charge, confidence=confidence), outcome="client-gone")
    log = seen("g", Usage(prompt, output=1), response_id=None)
    for step in (True, False):
        if step is measured_first:
            writes.settle(conn, end)
        else:
            write(conn, log)
    assert len(rows(conn)) == rows_there


def test_what_is_told_again_of_the_same_moment_is_no_other_response(conn: sqlite3.Connection) -> None:
    writes.settle(conn, settlement(call(1)))
    write(conn, seen("msg_1"), seen("by-row", response_id=None, started_us=AT_US + 1_000))
    assert len(rows(conn)) == 1
    write(conn, seen("another", response_id=None, started_us=AT_US + 1_000_000))
    assert len(rows(conn)) == 2


def _copy(key: str, usage: Usage, at: int, side: bool, copied: bool) -> Logged:
    request_class = "sub-agent" if side else "main"
    return seen(key, usage, started_us=START_US + at, request_class=request_class, copied=copied)


_SIGHTINGS = st.builds(
    _copy,
    st.sampled_from(["msg_1", "msg_2", "msg_3", "msg_4"]),
    st.builds(Usage, *[st.integers(0, 50)] * 5),
    st.integers(0, 5 * 3_600 * SECOND_US),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.lists(_SIGHTINGS, max_size=4), st.integers(1, 3)), max_size=8))
def test_in_whatever_order_they_come_there_is_one_row_a_response(steps: list[list[Logged] | int]) -> None:
    with closing(in_memory()) as conn:
        settled: set[int] = set()
        keys: set[str] = set()
        for step in steps:
            if isinstance(step, int):
                if step not in settled:
                    settled.add(step)
                    writes.settle(conn, settlement(call(step)))
            else:
                for row in step:
                    write(conn, row)
                    keys.add(row.key)
        responses = {f"msg_{number}" for number in settled} | keys
        assert conn.execute("SELECT count(*) FROM calls").fetchone()[0] == len(responses)
        assert agreement.agrees_as_a_whole(conn)


def test_no_look_at_the_calls_reads_all_of_them(conn: sqlite3.Connection) -> None:
    write(conn, *(seen(f"k{number}", started_us=AT_US + number, response_id=f"r{number}") for number in range(200)))
    asked: list[str] = []
    conn.set_trace_callback(asked.append)
    write(conn, seen("msg_1"), seen("g", response_id=None))
    writes.settle(conn, settlement(call(1)))
    writes.settle(conn, replace(settlement(call(2)), response_id="r7"))
    conn.set_trace_callback(None)
    plan = [row[3] for sql in asked if " calls" in sql for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert plan
    assert not [step for step in plan if step.split()[:2] in (["SCAN", "calls"], ["SCAN", "c"], ["SCAN", "rollups"])], (
        plan
    )
    assert not [step for step in plan if "AUTOMATIC" in step]


def test_who_is_measured_looks_at_those_of_the_logs_only_that_nothing_names(conn: sqlite3.Connection) -> None:
    asked: list[str] = []
    conn.set_trace_callback(asked.append)
    writes.settle(conn, replace(settlement(call(1)), response_id=None))
    conn.set_trace_callback(None)
    (alike,) = [sql for sql in asked if "LIMIT 1" in sql and "FROM calls" in sql]
    plan = [row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {alike}")]
    assert "USING INDEX calls_nameless" in plan[0]
