from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from msgspec.structs import replace

from tests.ledger.support import START_US, call, settlement
from tokenguard.guard.outlook import Outlook
from tokenguard.ledger import Ledger, queries
from tokenguard.policy.budgets import Slot, Standing
from tokenguard.policy.forecast import HOUR_US
from tokenguard.policy.windows import Window
from tokenguard.records import Budget, Unit

NOW_US = START_US + HOUR_US

DAY = Window(START_US, START_US + 24 * HOUR_US)


def standing(budget: Budget, key: str = "") -> Standing:
    return Standing(Slot(budget, key, DAY), budget.limit, 0, 0, 0, 0.0, DAY.end_us)


async def test_each_budget_has_its_own_measure_of_the_same_calls(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    of = replace(call(1), billing="subscription")
    await ledger.settle(settlement(of, 700))
    await ledger.settle(settlement(call(2), 900))
    outlook = Outlook(ledger, lambda: NOW_US)
    budget = Budget("b", 10**9, window="day")
    rates = [
        found.per_hour
        for one in (budget, replace(budget, counts="all"), replace(budget, unit=Unit.CALLS))
        if (found := outlook.of(standing(one)))
    ]
    assert rates == [900, 1_600, 2]
    elsewhere = outlook.of(standing(replace(budget, scope="repo"), "/src/api"))
    assert elsewhere is not None and elsewhere.per_hour == 0
    assert outlook.of(standing(replace(budget, official="anthropic/five_hour"))) is None
    await ledger.close()


async def test_the_past_is_read_once_a_minute_for_all_that_count_the_same_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, now = Ledger.open(tmp_path / "ledger.db"), [NOW_US]
    read = Mock(side_effect=queries.hourly)
    monkeypatch.setattr(queries, "hourly", read)
    outlook = Outlook(ledger, lambda: now[0])
    for name in ("a", "b"):
        outlook.of(standing(Budget(name, 5, window="day")))
    assert read.call_count == 1
    now[0] += 60_000_000
    outlook.sweep()
    outlook.of(standing(Budget("a", 5, window="day")))
    assert read.call_count == 2
    await ledger.close()
