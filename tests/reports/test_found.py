from __future__ import annotations

from tokenguard.ledger.sums import TOTALLED
from tokenguard.reports.found import Found

FOUND = Found(["model", "calls", "input"], [("a", 1, 4), ("b", 2, 5), ("c", 3, 6)])


def test_columns_are_those_of_the_rows() -> None:
    columns = FOUND.columns()
    assert {name: list(columns[name]) for name in FOUND.names} == {
        "model": ["a", "b", "c"],
        "calls": [1, 2, 3],
        "input": [4, 5, 6],
    }
    assert all(list(FOUND.column(name)) == list(columns[name]) for name in columns)


def test_what_was_not_asked_for_is_nothing() -> None:
    assert set(TOTALLED) <= FOUND.columns().keys()
    assert FOUND.column("output") == [0, 0, 0] == FOUND.columns()["output"]
    assert FOUND.at([]).columns()["calls"] == []


def test_rows_at_places_and_within_a_span() -> None:
    assert FOUND.at([2, 0]).rows == [("c", 3, 6), ("a", 1, 4)]
    assert FOUND.within(slice(1, 3)).rows == [("b", 2, 5), ("c", 3, 6)]
