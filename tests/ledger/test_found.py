from __future__ import annotations

from contextlib import closing

import pytest

from tests.ledger.support import in_memory
from tokenguard.errors import LedgerError
from tokenguard.ledger.found import Found, fetch_columns

NAMES = ("model", "calls", "input")
FOUND = Found.of_rows(NAMES, [("a", 1, 4), ("b", 2, 5), ("c", 3, 6)])


def test_columns_are_those_of_the_rows() -> None:
    assert len(FOUND) == 3
    assert [list(FOUND.column(name)) for name in NAMES] == [["a", "b", "c"], [1, 2, 3], [4, 5, 6]]
    assert list(FOUND.rows()) == [("a", 1, 4), ("b", 2, 5), ("c", 3, 6)]
    none = Found.of_rows(NAMES, [])
    assert (len(none), list(none.column("calls")), list(none.rows())) == (0, [], [])


def test_what_was_not_asked_for_is_nothing() -> None:
    assert FOUND.column("output") == [0, 0, 0]
    assert FOUND.at([]).column("output") == []


@pytest.mark.parametrize("places", [[], [1], [2, 0], [1, 1, 2]])
def test_rows_at_places(places: list[int]) -> None:
    every = list(FOUND.rows())
    assert list(FOUND.at(places).rows()) == [every[place] for place in places]


def test_rows_within_a_span_and_those_of_another() -> None:
    assert list(FOUND.within(slice(1, 3)).rows()) == [("b", 2, 5), ("c", 3, 6)]
    none = FOUND.at([])
    for one, other in ((FOUND, none), (none, FOUND)):
        assert list(one.plus(other).rows()) == list(FOUND.rows())
    assert list(FOUND.at([0]).plus(FOUND.at([2])).rows()) == [("a", 1, 4), ("c", 3, 6)]


def test_what_sqlite_hands_over_is_what_it_holds() -> None:
    held = [(-(2**63), 'a\0b"c\\\n\x1f\x7f\u2028'), (2**63 - 1, "é🎈"), (0, ""), (None, None)]
    with closing(in_memory()) as conn:
        conn.execute('CREATE TABLE held (number, "some-text")')
        conn.executemany("INSERT INTO held VALUES (?, ?)", held)
        found = fetch_columns(conn, "", ["some-text", "number"], "SELECT * FROM held ORDER BY rowid", [])
        assert list(found.rows()) == [(text, number) for number, text in held]
        few = "WITH few AS (SELECT * FROM held WHERE number > ?)"
        assert len(fetch_columns(conn, few, ["number"], "SELECT number FROM few", [2**63 - 1])) == 0
        with pytest.raises(LedgerError):
            fetch_columns(conn, "", ["number"], "SELECT number FROM elsewhere", [])
