"""Sums that an agent keeps of a session, of which calls may have been measured."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from msgspec.structs import replace

from tests.ledger.logs import price, seen, write
from tests.ledger.support import SECOND_US, START_US, call, settlement
from tokenguard.ledger import logged, writes
from tokenguard.ledger.values import Logged, Logs
from tokenguard.records import Leg, Usage

AT_US = START_US + 60 * SECOND_US
DAY_US = 86_400 * SECOND_US


def sums(
    conn: sqlite3.Connection, prompt: int, output: int, key: str = "s", nanos: int | None = None, **more: Any
) -> None:
    """An import finds a session's sums."""
    made = replace(
        call(0), **{"started_us": AT_US, "origin": "logged", "session": f"claude:{key}", "agent_session": key, **more}
    )
    leg = Leg(made.model, Usage(prompt, output=output), cost_nanos=nanos)
    logged.write(conn, Logs((Logged(key, made, leg, cumulative=True),)), price)


def measured(
    conn: sqlite3.Connection, number: int, prompt: int = 100, output: int = 10, nanos: int = 1_000, **more: Any
) -> None:
    """A call of the guarded run."""
    made = replace(call(number), **more)
    told = settlement(made, nanos)
    usage = Usage(prompt, output=output)
    writes.settle(conn, replace(told, usage=usage, legs=(Leg(made.model, usage),)))


def rows(conn: sqlite3.Connection, columns: str = "input, output, cost_nanos") -> list[Any]:
    """What only logs tell."""
    return conn.execute(f"SELECT {columns} FROM calls WHERE origin = 'logged' ORDER BY id").fetchall()


def test_what_was_measured_is_no_row_once_more(conn: sqlite3.Connection) -> None:
    measured(conn, 1)
    measured(conn, 2, 200, 20)
    sums(conn, 300, 30)
    assert rows(conn) == []
    assert conn.execute("SELECT call_id, input, output FROM echoes ORDER BY call_id").fetchall() == [
        (1, 100, 10),
        (2, 200, 20),
    ]
    measured(conn, 3)
    sums(conn, 400, 40)
    assert rows(conn) == []


def test_what_was_not_measured_is_the_row(conn: sqlite3.Connection) -> None:
    measured(conn, 1)
    sums(conn, 1_100, 60)
    assert rows(conn) == [(1_000, 50, 1_050)]
    sums(conn, 1_600, 90)
    assert rows(conn) == [(1_000, 50, 1_050), (500, 30, 530)]


def test_each_call_is_taken_once(conn: sqlite3.Connection) -> None:
    measured(conn, 1)
    sums(conn, 100, 10, "a")
    sums(conn, 100, 10, "b")
    assert rows(conn) == [(100, 10, 110)]


def test_a_call_that_does_not_fit_is_of_another_session(conn: sqlite3.Connection) -> None:
    measured(conn, 1, 5_000, 500)
    measured(conn, 2)
    sums(conn, 100, 10)
    assert rows(conn) == []
    sums(conn, 5_100, 510)
    assert rows(conn) == []


@pytest.mark.parametrize(
    "other",
    [
        {"agent": "codex"},
        {"repo": "/src/other"},
        {"started_us": AT_US - DAY_US - 1},
        {"started_us": AT_US + 121 * SECOND_US},
    ],
)
def test_calls_of_others_of_elsewhere_or_of_another_time_are_not_taken(
    conn: sqlite3.Connection, other: dict[str, Any]
) -> None:
    measured(conn, 1, **other)
    sums(conn, 100, 10)
    assert rows(conn) == [(100, 10, 110)]


def test_sums_whose_folder_is_not_known_are_of_any_repository(conn: sqlite3.Connection) -> None:
    measured(conn, 1)
    sums(conn, 100, 10, repo=None)
    assert rows(conn) == []


def test_sums_in_dollars_are_compared_in_dollars_though_not_to_the_last(conn: sqlite3.Connection) -> None:
    measured(conn, 1, 9_000, 100, nanos=1_000_000)
    measured(conn, 2, 9_500, 100, nanos=1_200_000)
    sums(conn, 9_500, 100, nanos=2_150_000)
    assert rows(conn) == []
    sums(conn, 9_600, 300, nanos=3_150_000)
    assert rows(conn) == [(100, 200, 1_000_000)]


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
