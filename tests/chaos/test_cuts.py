"""A sample of the cuts; `python -m tests.chaos.cuts` makes 5,000."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.cuts import run, summary, table
from tokenguard.ledger import Ledger
from tokenguard.records import Amount, Call, Verdict


async def test_the_interval_holds_the_bill_and_nothing_costs_more(tmp_path: Path) -> None:
    results = await run(300, 7, 24, tmp_path)
    found, shown = summary(results), table(results)
    missed = [result for result in results if not result.contained]
    assert found.cuts > 280 and len(missed) <= 1, f"{shown}\n{missed}"
    assert found.drained_exact == found.drained >= 20, shown
    assert found.dearer == 0, shown
    assert all(result.cost == result.truth for result in results if result.confidence == "exact"), shown


async def test_clients_that_leave_before_they_are_let_through_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine whose disk is busy."""
    reserve = Ledger.reserve

    async def slowly(ledger: Ledger, call: Call, reserved: Amount, verdict: Verdict | None = None) -> None:
        await asyncio.sleep(0.2)
        await reserve(ledger, call, reserved, verdict)

    monkeypatch.setattr(Ledger, "reserve", slowly)
    results = await run(60, 7, 12, tmp_path)
    assert 0 < len(results) < 60 and {result.case.way for result in results} - {"leave-time"}
    assert summary(results).dearer == 0
