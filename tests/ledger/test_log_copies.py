"""Several tellings of one response."""

from __future__ import annotations

import sqlite3

from tests.ledger.logs import AT_US, rows, seen, write
from tokenguard.ledger.echoes import FIRST_ID
from tokenguard.records import Amount, Usage


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


def test_reading_everything_again_takes_the_place_of_what_was_read_otherwise(conn: sqlite3.Connection) -> None:
    write(conn, seen("m1", Usage(900, output=9)), seen("m2"))
    write(conn, seen("m1", Usage(5), anew=True))
    assert rows(conn) == [("m1", "logged", 5, 0, 5), ("m2", "logged", 10, 2, 12)]
