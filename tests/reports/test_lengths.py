"""Conversations by their length, and how their turns grow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from typing import Any

import pytest
from msgspec.structs import replace

from tests.ledger.support import START_US, call, in_memory, settlement
from tokenguard.ledger import Where, writes
from tokenguard.records import Charge, Leg, Usage
from tokenguard.reports import report
from tokenguard.reports.lengths import LENGTHS, length_of

SECOND_US = 1_000_000


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def talk(conn: sqlite3.Connection, session: str, costs: list[int], **more: Any) -> None:
    """A turn for each cost; each sends as many tokens as it costs nanodollars."""
    first: int = conn.execute("SELECT count(*) FROM calls").fetchone()[0] + 1
    for number, nanos in enumerate(costs, first):
        made = replace(call(number, session=session, started_us=START_US + number * SECOND_US), **more)
        legs = (Leg("opus", Usage(nanos)),)
        whole = replace(settlement(made), charge=Charge(nanos, leg_nanos=(nanos,)), legs=legs, usage=Usage(nanos))
        writes.settle(conn, whole)


def lengths(conn: sqlite3.Connection, **where: Any) -> dict[str | None, dict[str, Any]]:
    found = report(conn, ["length"], None, None, Where(**where), UTC)
    return {row["length"]: row for row in found["rows"]}


@pytest.mark.parametrize(
    ("turns", "length"), [(0, None), (1, "1-5"), (5, "1-5"), (6, "6-20"), (20, "6-20"), (500, "201-500"), (501, "501+")]
)
def test_lengths(turns: int, length: str | None) -> None:
    assert length_of(turns) == length


def test_what_the_first_and_the_last_fifth_of_the_turns_cost(conn: sqlite3.Connection) -> None:
    talk(conn, "long", list(range(100, 2_100, 100)) + [2_100])
    talk(conn, "short", [5, 5])
    found = lengths(conn)
    assert list(found) == ["1-5", "21-50"]
    assert found["21-50"]["growth"] == {
        "sessions": 1,
        "turns": 21,
        "first_nanos": 250,
        "last_nanos": 1_950,
        "first_prompt": 250,
        "last_prompt": 1_950,
        "per_turn_nanos": 100,
    }
    assert (found["1-5"]["sessions"], found["1-5"]["turns"], found["1-5"]["growth"]["per_turn_nanos"]) == (1, 2, 0)


def test_only_turns_of_the_conversation_itself_count_but_all_that_it_cost(conn: sqlite3.Connection) -> None:
    talk(conn, "s", [10] * 5)
    talk(conn, "s", [1_000] * 30, request_class="sub-agent", subagent="a1")
    talk(conn, "s", [1], request_class="title")
    talk(conn, "t", [7], request_class="title")
    found = lengths(conn)
    assert (found["1-5"]["turns"], found["1-5"]["calls"], found["1-5"]["cost_nanos"]) == (5, 36, 30_051)
    assert found["1-5"]["growth"]["last_nanos"] == 10
    assert (found[None]["sessions"], found[None]["turns"], found[None]["growth"]) == (1, 0, None)


def test_a_conversation_that_is_resumed_is_one_and_two_in_a_run_are_two(conn: sqlite3.Connection) -> None:
    talk(conn, "monday", [1] * 4, agent_session="c1")
    talk(conn, "tuesday", [1] * 4, agent_session="c1")
    talk(conn, "tuesday", [1] * 4, agent_session="c2")
    found = lengths(conn)
    assert {name: (row["sessions"], row["turns"]) for name, row in found.items()} == {"1-5": (1, 4), "6-20": (1, 8)}


def test_lengths_go_with_other_keys_in_their_order(conn: sqlite3.Connection) -> None:
    talk(conn, "a", [1] * 30)
    talk(conn, "b", [9] * 3)
    talk(conn, "c", [1], model="haiku")
    found = report(conn, ["length", "session"], None, None, Where(), UTC)["rows"]
    assert [(row["length"], row["session"]) for row in found] == [("1-5", "b"), ("1-5", "c"), ("21-50", "a")]
    assert "growth" not in found[0]


def test_only_the_dearest_of_a_length_are_looked_at_turn_by_turn(conn: sqlite3.Connection) -> None:
    for number in range(20):
        talk(conn, f"s{number:02}", [number + 1])
    assert lengths(conn)[LENGTHS[0]]["growth"]["sessions"] == 15
    assert lengths(conn)[LENGTHS[0]]["growth"]["first_nanos"] == 13, "the mean of 6 to 20"
