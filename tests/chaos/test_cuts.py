"""A sample of the cuts; `python -m tests.chaos.cuts` makes 5,000."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.cuts import run, summary, table


async def test_the_interval_holds_the_bill_and_nothing_costs_more(tmp_path: Path) -> None:
    results = await run(300, 7, 24, tmp_path)
    found, shown = summary(results), table(results)
    missed = [result for result in results if not result.contained]
    assert found.cuts > 280 and len(missed) <= 1, f"{shown}\n{missed}"
    assert found.drained_exact == found.drained >= 20, shown
    assert found.dearer == 0, shown
    assert all(result.cost == result.truth for result in results if result.confidence == "exact"), shown
