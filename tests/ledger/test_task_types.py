"""What kind of work calls are for, and which of them used no tools, as the ledger keeps it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from tests.ledger.support import call, in_memory, settlement
from tokenguard.ledger import Where, agreement, queries, writes
from tokenguard.records import Amount, Call


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def put(conn: sqlite3.Connection, of: Call) -> None:
    writes.reserve(conn, of, Amount(1, 1, 1), None)
    writes.settle(conn, settlement(of, 1_000))


def tool_free(conn: sqlite3.Connection) -> list[int | None]:
    return [row[0] for row in conn.execute("SELECT tool_free FROM calls ORDER BY id")]


def test_inferred_tasks_stand_beside_named_ones_and_are_marked(conn: sqlite3.Connection) -> None:
    put(conn, replace(call(1), task="edit", task_type="search"))
    put(conn, replace(call(2), task_type="edit"))
    put(conn, replace(call(3), task_type="edit"))
    put(conn, call(4))
    found = {group.key: group.totals.calls for group in queries.grouped(conn, ["task"])}
    assert found == {("edit",): 1, ("~edit",): 2, (None,): 1}
    for session in (None, "s1"):
        inferred = queries.totals(conn, Where(session=session, match=(("inferred_task", "e*"),)))
        named = queries.totals(conn, Where(session=session, match=(("task", "edit"),)))
        assert (inferred.calls, named.calls) == (2, 1)
    assert agreement.agrees_as_a_whole(conn)


def test_a_call_that_brings_results_tells_of_the_one_before(conn: sqlite3.Connection) -> None:
    put(conn, replace(call(1), tool_free=True))
    put(conn, replace(call(2), tool_free=True))
    put(conn, replace(call(3), tool_free=False))
    put(conn, replace(call(4), tool_free=True))
    assert tool_free(conn) == [1, 0, 0, 1]


@pytest.mark.parametrize(
    "other",
    [{"session": "s2"}, {"agent_session": "x"}, {"subagent": "a"}, {"request_class": "title"}],
    ids=lambda other: next(iter(other)),
)
def test_another_conversation_tells_nothing(conn: sqlite3.Connection, other: dict[str, str]) -> None:
    put(conn, replace(call(1), tool_free=True))
    put(conn, replace(call(2), tool_free=False, **other))
    assert tool_free(conn) == [1, 0]


def test_what_is_not_known_stays_so(conn: sqlite3.Connection) -> None:
    put(conn, call(1))
    put(conn, replace(call(2), tool_free=False))
    put(conn, replace(call(3), tool_free=True))
    writes.settle(conn, settlement(replace(call(4), tool_free=False)))
    assert tool_free(conn) == [None, 0, 0, 0]


def test_open_calls_are_read_as_they_were_written(conn: sqlite3.Connection) -> None:
    calls = [replace(call(number + 1), tool_free=known) for number, known in enumerate((True, None))]
    calls.append(replace(call(3), task_type="plan", tool_free=False, session="s2"))
    for of in calls:
        writes.reserve(conn, of, Amount(1, 1, 1), None)
    assert [of for of, _ in queries.open_reservations(conn)] == calls
