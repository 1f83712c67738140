"""Calls of one session, step by step."""

from __future__ import annotations

import asyncio

from tests.support.house import House, answer, request
from tokenguard.guard import Admission
from tokenguard.records import Call, Facts, Session

CENT = 10_000_000
SONNET = "claude-sonnet-5"


async def admit(house: House, session: Session | None, facts: Facts | None = None) -> Admission:
    facts = facts or request()
    return await house.guard.admit(house.begin(session, facts), facts)


def settle(house: House, admission: Admission, *, output: int = 1_000) -> None:
    house.guard.settle(admission.call, answer(output=output, model=admission.call.model), status=200, outcome="ok")


async def spend(house: House, session: Session | None, cents: int) -> None:
    """An output token costs 20,000 nanodollars."""
    call = house.begin(session)
    house.guard.join(call)
    house.guard.settle(call, answer(output=cents * CENT // 20_000), status=200, outcome="ok")


async def asked(house: House) -> str:
    """The id of the call that waits, once one does."""
    for _ in range(1_000):
        if holds := house.desk.status()["holds"]:
            return str(holds[0]["id"])
        await asyncio.sleep(0)
    raise AssertionError("no call waits")


def row(house: House, call: Call) -> tuple[object, ...]:
    conn = house.ledger.read()
    found = conn.execute("SELECT state, model, requested, budget, reason FROM calls WHERE id = ?", (call.id,))
    return tuple(found.fetchone())
