from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.measure import BUCKETS, COUNTS, is_notional, measure, measure_sum
from tokenguard.records import BILLINGS, Amount, Budget, Unit, Usage

COUNT = st.integers(0, 10**12)
AMOUNTS = st.builds(
    Amount,
    nanos=COUNT,
    tokens=COUNT,
    calls=st.integers(0, 9),
    usage=st.builds(Usage, input=COUNT, cache_read=COUNT, cache_write_5m=COUNT, cache_write_1h=COUNT, output=COUNT),
    above=COUNT,
)
BUDGETS = st.builds(
    Budget,
    name=st.just("b"),
    limit=st.just(1),
    unit=st.sampled_from([Unit.USD, Unit.TOKENS, Unit.CALLS]),
    mode=st.sampled_from(["calibrated", "strict"]),
    counts=st.sampled_from(COUNTS),
    bucket=st.sampled_from([None, *BUCKETS]),
)


@given(BUDGETS, st.lists(st.tuples(AMOUNTS, st.sampled_from(BILLINGS))))
def test_a_sum_counts_as_much_as_its_calls(budget: Budget, calls: list[tuple[Amount, str]]) -> None:
    total = sum((amount for amount, _ in calls), Amount())
    notional = sum(
        (Amount(amount.nanos, above=amount.above) for amount, billing in calls if is_notional(billing)), Amount()
    )
    assert measure_sum(budget, total, notional) == sum(measure(budget, *call) for call in calls)


@pytest.mark.parametrize(("mode", "counted"), [("calibrated", 7), ("strict", 10)])
def test_a_strict_budget_counts_what_a_call_may_have_cost_at_most(mode: str, counted: int) -> None:
    amount = Amount(7, above=3)
    assert measure(Budget("b", 1, mode=mode), amount, "metered") == counted
    assert measure(Budget("b", 1, mode=mode), amount, "subscription") == 0
    assert measure(Budget("b", 1, mode=mode, counts="all"), amount, "subscription") == counted
