"""Calls while the ledger cannot be written: the setting decides, and what they cost is not lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator

import pytest

from tests.support.house import House, answer, request
from tests.support.waiting import until
from tokenguard.ledger import opening, queries, writer
from tokenguard.ledger import outage as outages
from tokenguard.records import Budget


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.02)
    monkeypatch.setattr(outages, "CALM_S", 0.1)
    monkeypatch.setattr(opening, "BUSY_MS", 20)


@pytest.fixture
def lock(house: House) -> Iterator[sqlite3.Connection]:
    """Another program that holds the ledger from `BEGIN IMMEDIATE` on."""
    conn = sqlite3.connect(house.folder / "ledger.db", isolation_level=None)
    yield conn
    conn.close()


async def test_calls_are_let_through_and_their_charges_written_later(house: House, lock: sqlite3.Connection) -> None:
    await house.reopen(Budget("all", 10**12))
    session = await house.session()
    call = house.begin(session)
    assert (await house.guard.admit(call, request())).refusal is None
    lock.execute("BEGIN IMMEDIATE")
    late = house.begin(session)
    assert (await house.guard.admit(late, request())).refusal is None
    for of in (call, late):
        house.guard.settle(of, answer(), status=200, outcome="ok")
    await asyncio.to_thread(until, lambda: house.ledger.failing)
    summary = await house.desk.end_session(session.id, 0)
    assert (summary["id"], summary["calls"]) == (session.id, 2), "nobody waits for a disk"
    status = house.desk.status()
    assert status["budgets"][0]["spent"] > 0
    assert "cannot be written" in status["ledger"]["failing"] and status["ledger"]["kept"] >= 2

    lock.execute("COMMIT")
    await house.guard.counting.tally.written()
    await asyncio.to_thread(until, lambda: not house.ledger.failing)
    assert queries.totals(house.ledger.read()).calls == 2
    marks = house.ledger.read().execute("SELECT marks FROM calls ORDER BY id").fetchall()
    assert ["unguarded" in (mark or "") for (mark,) in marks] == [False, True], "it went on without a reservation"
    (ended,) = queries.sessions(house.ledger.read(), [session.id])
    assert ended.exit_code == 0


async def test_where_it_is_closed_they_are_refused(house: House, lock: sqlite3.Connection) -> None:
    await house.ledger.close()
    house.open(on_error="closed")
    session = await house.session()
    lock.execute("BEGIN IMMEDIATE")
    admission = await house.guard.admit(house.begin(session), request())
    assert admission.refusal is not None
    lock.execute("COMMIT")
    await asyncio.to_thread(until, lambda: not house.ledger.failing)
    assert (await house.guard.admit(house.begin(session), request())).refusal is None
