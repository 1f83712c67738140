from __future__ import annotations

import html
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC

import pytest
from msgspec.structs import replace

from tests.ledger.support import call, in_memory, settlement
from tokenguard.ledger import Where, writes
from tokenguard.reports import report
from tokenguard.reports.markdown import markdown


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def spend(conn: sqlite3.Connection, number: int, nanos: int, **about: str) -> None:
    writes.settle(conn, settlement(replace(call(number), **about), nanos))


def lines(conn: sqlite3.Connection, *keys: str) -> list[str]:
    return markdown(report(conn, keys, None, None, Where(), UTC)).splitlines()


def test_a_table_with_its_total(conn: sqlite3.Connection) -> None:
    spend(conn, 1, 2_000_000_000, branch="main", agent="claude")
    spend(conn, 2, 1_000_000_000, branch="feat", agent="claude")
    head, rule, one, two, total, *_ = lines(conn, "branch", "agent")
    assert head == "| Branch | Agent | Calls | Tokens | Cost |"
    assert rule == "| --- | --- | --: | --: | --: |"
    assert one.startswith("| main | claude | 1 | ")
    assert one.endswith(" | $2.00 |")
    assert two.startswith("| feat | claude | 1 | ")
    assert total.startswith("| **total** |  | **2** | **")


def test_what_is_notional_has_a_column_of_its_own(conn: sqlite3.Connection) -> None:
    spend(conn, 1, 2_000_000_000, billing="subscription")
    head, _, row, *_ = lines(conn, "billing")
    assert head.endswith("| Cost | Notional |")
    assert row.endswith("| $0.00 | $2.00 |")


@pytest.mark.parametrize(
    "name", ["a|b", "`x`", "*x* _y_", "[a](http://x)", "<b>", "@everyone #1 !2", "a\nb", "$x$", "\\|", "~x~ & {y}"]
)
def test_names_are_nothing_but_text(conn: sqlite3.Connection, name: str) -> None:
    spend(conn, 1, 1, branch=name)
    found = lines(conn, "branch")
    assert found[2].count("|") == 5
    cell = found[2].split("|")[1]
    assert not set(cell) & set("`*_[]()<>@!$~\\{}\n")
    assert "://" not in cell


def test_nobody_is_called_by_a_name(conn: sqlite3.Connection) -> None:
    spend(conn, 1, 1, branch="@you #12")
    assert html.unescape(lines(conn, "branch")[2].split("|")[1]) == " @\u200byou #\u200b12 "


def test_a_call_without_a_commit(conn: sqlite3.Connection) -> None:
    spend(conn, 1, 1)
    assert lines(conn, "commit")[2].startswith("| *not committed* |  | 1 | ")
