"""Calls whose reservation cannot be written, and clients that leave before it is."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.house import House, answer, request
from tokenguard.errors import LedgerError
from tokenguard.ledger import queries
from tokenguard.records import Budget

CENT = 10_000_000


@pytest.mark.parametrize(("on_error", "admitted"), [("open", True), ("closed", False)])
async def test_when_the_ledger_fails_the_setting_decides(
    house: House, monkeypatch: pytest.MonkeyPatch, on_error: str, admitted: bool
) -> None:
    session = await house.session()
    house.guard.reload(house.config(Budget("day", 100 * CENT), on_error=on_error))

    async def full(*args: object) -> None:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(house.ledger, "reserve", full)
    call = house.begin(session)
    admission = await house.guard.admit(call, request())
    assert (admission.refusal is None) is admitted
    if admission.refusal is not None:
        assert b"cannot be written" in admission.refusal.body
        assert house.desk.status()["budgets"][0]["reserved"] == 0
    else:
        house.guard.settle(call, answer(), status=200, outcome="ok")
        await house.guard.counting.tally.written()
        spent = queries.spent(house.ledger.read())[0]
        assert (spent.nanos, spent.tokens, spent.calls) == (2 * CENT, 1_000, 1)


async def test_a_client_that_leaves_during_admission_leaves_nothing_reserved(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.budgets(Budget("day", 100 * CENT))
    session = await house.session()

    async def slow(*args: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(house.ledger, "reserve", slow)
    call = house.begin(session)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(house.guard.admit(call, request()))
        for _ in range(3):
            await asyncio.sleep(0)
        assert house.guard.counting.books.reserved_for(call.id) is not None
        task.cancel()
    (budget,) = house.desk.status()["budgets"]
    assert (budget["spent"], budget["reserved"]) == (0, 0)
    assert house.guard.busy == 0
