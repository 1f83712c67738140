"""Rows of what logs tell: each response is one row, whoever told of it first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ledger.support import SECOND_US, START_US, call, in_memory, session, settlement
from tokenguard.ledger import Ledger, Where, agreement, logged, queries, writes
from tokenguard.ledger.echoes import FIRST_ID
from tokenguard.ledger.log_state import labelled, oddities, unpriced
from tokenguard.ledger.values import LogFile, Logged, Logs, Oddity
from tokenguard.records import Amount, Call, Charge, Confidence, Context, Leg, Usage

AT_US = START_US + 5 * SECOND_US


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened
        assert agreement.agrees_as_a_whole(opened)


def price(of: Call, leg: Leg) -> Charge:
    """A nanodollar a token, and what the log says where it says it."""
    return Charge(leg.usage.total if leg.cost_nanos is None else leg.cost_nanos, Confidence.ESTIMATED)


_USAGE = Usage(10, output=2)


def seen(key: str = "msg_1", usage: Usage = _USAGE, **more: Any) -> Logged:
    """A response that a log shows."""
    about = {name: more.pop(name) for name in list(more) if name in Call.__struct_fields__}
    leg = {name: more.pop(name) for name in list(more) if name in Leg.__struct_fields__}
    told = {"dialect": "log", "origin": "logged", "session": "claude:a", "agent_session": "a", **about}
    made = replace(call(0, started_us=AT_US), **told)
    return Logged(key, made, Leg(made.model, usage, **leg), more.pop("response_id", key), **more)


def write(conn: sqlite3.Connection, *rows: Logged) -> Any:
    return logged.write(conn, Logs(rows), price)


def rows(conn: sqlite3.Connection, columns: str = "log_key, origin, input, output, cost_nanos") -> list[Any]:
    return conn.execute(f"SELECT {columns} FROM calls ORDER BY id").fetchall()


def test_a_response_is_a_row_however_often_it_is_seen(conn: sqlite3.Connection) -> None:
    assert write(conn, seen()).added == 1
    again = write(conn, seen())
    assert (again.added, again.changed, again.news, again.unsaid) == (0, 0, (), False)
    assert rows(conn) == [("msg_1", "logged", 10, 2, 12)]
    assert queries.totals(conn, Where(origin="logged")).confidence is Confidence.ESTIMATED


def test_of_each_count_the_largest_holds(conn: sqlite3.Connection) -> None:
    first = write(conn, seen(usage=Usage(10, output=2)))
    then = write(conn, seen(usage=Usage(7, 30, output=90)))
    assert [amount for _, amount in first.news] == [Amount(12, 12, 1, Usage(10, output=2))]
    # It is told under which number it stands.
    assert [call.id for call, _ in (*first.news, *then.news)] == [FIRST_ID, FIRST_ID]
    assert [amount for _, amount in then.news] == [Amount(118, 118, 0, Usage(0, 30, output=88))]
    assert not first.unsaid and not then.unsaid
    assert rows(conn, "input, cache_read, output, cost_nanos") == [(10, 30, 90, 130)]


def test_it_moves_to_the_earliest_copy_that_is_no_side_chain(conn: sqlite3.Connection) -> None:
    side = seen(session="claude:side", request_class="sub-agent", started_us=AT_US - 9)
    later, first = seen(session="claude:later"), seen(session="claude:first", started_us=AT_US - 5)
    assert [write(conn, copy).unsaid for copy in (side, later, first, side, later)] == [False, True, True, False, False]
    assert rows(conn, "session, started_us, request_class") == [("claude:first", AT_US - 5, "main")]


def test_a_copy_by_its_own_words_gives_way(conn: sqlite3.Connection) -> None:
    write(conn, seen(session="claude:fork", copied=True))
    write(conn, seen(session="claude:first"))
    write(conn, seen(session="claude:fork", copied=True))
    assert rows(conn, "session") == [("claude:first",)]


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


def test_a_gap_in_a_guarded_run_belongs_to_it(conn: sqlite3.Connection) -> None:
    writes.open_session(conn, session("run-1"), b"t")
    writes.settle(conn, settlement(replace(call(1, session="run-1"), agent_session="a")))
    write(conn, seen("msg_7"), seen("msg_8", started_us=START_US - 3_600 * SECOND_US))
    found = rows(conn, "log_key, session")
    assert found == [(None, "run-1"), ("msg_7", "run-1"), ("msg_8", "claude:a")]


def test_what_falls_into_a_guarded_run_is_of_its_task_and_what_it_started_stands_below_it(
    conn: sqlite3.Connection,
) -> None:
    writes.open_session(conn, replace(session("run-1"), task="login"), b"t")
    writes.settle(conn, settlement(replace(call(1, session="run-1"), agent_session="a")))
    write(conn, seen("msg_7"), seen("msg_8", session="codex:b", agent_session="b", parent="claude:a"))
    assert rows(conn, "log_key, session, task")[1:] == [("msg_7", "run-1", "login"), ("msg_8", "codex:b", None)]
    assert [one.parent for one in queries.sessions(conn, ["codex:b"])] == ["run-1"]


def test_a_session_of_its_own_spans_its_rows(conn: sqlite3.Connection) -> None:
    write(conn, seen("m1"), seen("m2", started_us=AT_US + 8), seen("m3", started_us=AT_US - 8, parent="claude:p"))
    (known,) = queries.sessions(conn, ["claude:a"])
    assert (known.started_us, known.ended_us, known.agent, known.repo) == (AT_US - 8, AT_US + 8, "claude", "/src/web")
    assert queries.running_sessions(conn) == []


def test_what_moves_a_price_is_kept(conn: sqlite3.Connection) -> None:
    write(
        conn,
        seen("m1", context=Context("priority"), fees=(("web_search", 2),)),
        seen("m2", context=Context("standard")),
    )
    assert conn.execute("SELECT tier, fees FROM legs").fetchall() == [("priority", '[["web_search",2]]')]
    write(conn, seen("m1", Usage(50)))
    assert conn.execute("SELECT tier, input FROM legs").fetchall() == [("priority", 50)]


def test_reading_everything_again_takes_the_place_of_what_was_read_otherwise(conn: sqlite3.Connection) -> None:
    write(conn, seen("m1", Usage(900, output=9)), seen("m2"))
    write(conn, seen("m1", Usage(5), anew=True))
    assert rows(conn) == [("m1", "logged", 5, 0, 5), ("m2", "logged", 10, 2, 12)]


def test_of_sums_of_a_session_the_growth_is_a_row_at_its_time(conn: sqlite3.Connection) -> None:
    for seconds, usage in [
        (0, Usage(100, output=10)),
        (60, Usage(100, output=10)),
        (90, Usage(130, output=15)),
        (99, Usage(7)),
    ]:
        write(conn, seen("s", usage, cumulative=True, response_id=None, started_us=AT_US + seconds * SECOND_US))
    assert rows(conn, "started_us, input, output") == [
        (AT_US, 100, 10),
        (AT_US + 90 * SECOND_US, 30, 5),
        (AT_US + 99 * SECOND_US, 7, 0),
    ]


def test_where_the_cost_goes_on_growing_only_the_part_that_fell_began_anew(conn: sqlite3.Connection) -> None:
    write(conn, seen("s", Usage(100, output=10), cost_nanos=500, cumulative=True))
    write(conn, seen("s", Usage(40, output=30), cost_nanos=800, cumulative=True))
    assert rows(conn, "input, output, cost_nanos") == [(100, 10, 500), (40, 20, 300)]


async def test_measured_calls_are_numbered_apart(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    await ledger.settle(settlement(call(41)))
    assert (await ledger.log(Logs((seen("m9"),)), price)).added == 1
    await ledger.close()
    ledger = Ledger.open(tmp_path / "ledger.db")
    assert ledger.next_call_id == 42
    await ledger.close()


def test_states_of_files_and_what_was_odd_are_kept(conn: sqlite3.Connection) -> None:
    file = LogFile("/f", "codex", 1, 2, 3, 4, 5, b"head", b"state", "thread")
    odd = Oddity("/f", "codex", "dropped", "no-id", 2)
    logged.write(conn, Logs(files=(file,), oddities=(odd,), anew=("/f",)), price)
    logged.write(conn, Logs(oddities=(odd,)), price)
    assert labelled(conn, "codex", "thread") == b"state"
    assert [(one.agent, one.detail, one.count, one.example) for one in oddities(conn)] == [("codex", "no-id", 4, "/f")]
    logged.write(conn, Logs(oddities=(odd,), anew=("/f",)), price)
    assert [one.count for one in oddities(conn)] == [2]


def test_models_without_a_price_are_told(conn: sqlite3.Connection) -> None:
    def bound(of: Call, leg: Leg) -> Charge:
        return Charge(5, Confidence.BOUND, ("unknown-model:priced-as=opus",))

    logged.write(conn, Logs((seen("m1", model="mystery"), seen("m2", model="mystery"))), bound)
    assert unpriced(conn) == [("claude", "mystery", 2)]


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
