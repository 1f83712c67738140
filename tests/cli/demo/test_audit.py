from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tokenguard.cli.demo import audit
from tokenguard.cli.demo.audit import Charged, by_dialect, differences, recorded
from tokenguard.ledger import migrations
from tokenguard.ledger.filling import fill
from tokenguard.simulator import Bill, BilledCall, Usage

BUCKETS = (1, 2, 3, 4)


@pytest.fixture(autouse=True)
def two_dialects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "DIALECTS", {"ollama": None, "gemini": None})


def charged(nanos: int, output: int = 5, dialect: str = "gemini") -> Charged:
    return Charged(dialect, "gemini-2.5-pro", *BUCKETS, output, nanos)


def call(nanos: int, dialect: str = "gemini", *, stream: bool = True) -> BilledCall:
    usage = Usage(*BUCKETS, 5)
    return BilledCall("id", "", dialect, "gemini-2.5-pro", stream, "completed", "default", usage, {}, (), nanos)


FREE, LOCAL = call(0, "ollama"), charged(0, dialect="ollama")


def billed(*amounts: int) -> Bill:
    return Bill((FREE, *map(call, amounts)), sum(amounts))


def total(calls: int, nanos: int) -> dict[str, Any]:
    return {"calls": calls, "cost_nanos": nanos}


def test_equal_is_silent_in_any_order() -> None:
    assert differences([charged(20), LOCAL, charged(10)], total(3, 30), billed(10, 20)) == []


def test_a_nanodollar_is_told() -> None:
    lines = differences([LOCAL, charged(11)], total(2, 11), billed(10))
    assert len(lines) == 3
    assert lines[0].startswith("only in the ledger: gemini, gemini-2.5-pro: input 1, cache read 2")
    assert "11 nano" in lines[0]
    assert lines[1].startswith("only on the bill: ") and "10 nanodollars" in lines[1]
    assert "11 nanodollars, the bill 2 and 10" in lines[2]


def test_a_report_that_differs_from_its_ledger_is_told() -> None:
    assert len(differences([LOCAL, charged(10)], total(2, 11), billed(10))) == 1


def test_a_token_is_told_even_where_the_money_is_right() -> None:
    assert len(differences([LOCAL, charged(10, output=6)], total(2, 10), billed(10))) == 2


def test_a_call_that_is_there_twice_is_told() -> None:
    lines = differences([LOCAL, charged(10), charged(10)], total(3, 20), billed(10))
    assert [line.split(":")[0] for line in lines[:-1]] == ["only in the ledger"]


def test_errors_that_cancel_out_in_the_total_are_told() -> None:
    assert len(differences([LOCAL, charged(11), charged(9)], total(3, 20), billed(10, 10))) == 4


def test_another_dialect_is_told_even_where_all_else_is_right() -> None:
    assert len(differences([LOCAL, charged(10, dialect="code-assist")], total(2, 10), billed(10))) == 2


def test_a_dialect_without_a_call_is_told() -> None:
    assert differences([charged(10)], total(1, 10), Bill((call(10),), 10)) == ["not a call in dialect ollama"]


def test_a_row_for_each_dialect() -> None:
    bill = Bill((call(1_000), call(500, stream=False), FREE), 1_500)
    assert by_dialect([charged(1_000), charged(500), LOCAL], bill) == [
        ("ollama", "1", "0", "15", "0", "0", "="),
        ("gemini", "1", "1", "30", "1,500", "1,500", "="),
        [""] * 7,
        ("total", "2", "1", "45", "1,500", "1,500", "="),
    ]


def test_a_row_tells_of_errors_that_cancel_out_in_its_sum() -> None:
    rows = by_dialect([charged(501), charged(499)], Bill((call(500), call(500)), 1_000))
    assert rows[0] == ("gemini", "2", "0", "30", "1,000", "1,000", "≠")


def test_charges_are_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with closing(sqlite3.connect(file)) as conn:
        migrations.migrate(conn)
        for number, state in enumerate(("settled", "presumed", "open", "refused"), 1):
            values = (number, state, "served" if state == "settled" else None, number * 10)
            conn.execute(
                "INSERT INTO calls (id, session, agent, provider, dialect, model, started_us, stream, request_class,"
                " state, served, cost_nanos, input, cache_read, cache_write_5m, cache_write_1h, output)"
                " VALUES (?, 's', 'a', 'p', 'gemini', 'asked', 1, 1, 'main', ?, ?, ?, 1, 2, 3, 4, 5)",
                values,
            )
        conn.commit()
        fill(conn)
    assert recorded(file) == [
        Charged("gemini", "served", 1, 2, 3, 4, 5, 10),
        Charged("gemini", "asked", 1, 2, 3, 4, 5, 20),
    ]
