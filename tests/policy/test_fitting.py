from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.fitting import Need, Taken, deviations, fits, margin, shortfall, stated, variance


@pytest.mark.parametrize(
    ("spent", "reserved", "need", "fitting"),
    [
        (0, 0, 100, True),
        (0, 0, 101, False),
        (60, 20, 20, True),
        (60, 20, 21, False),
        (99, 0, 0, True),
        (100, 0, 0, False),
        (120, 0, 0, False),
    ],
)
def test_what_is_spent_and_reserved_and_needed_must_fit(spent: int, reserved: int, need: int, fitting: bool) -> None:
    assert fits(Taken(100, spent, reserved), Need(need), 0.05) is fitting


def test_a_call_without_bound_never_fits() -> None:
    assert not fits(Taken(10**12, 0), Need(1, bounded=False), 0.05)


@pytest.mark.parametrize(("overshoot", "expected"), [(0.5, 0.0), (0.15866, 1.0), (0.05, 1.6449), (0.001, 3.0902)])
def test_deviations_are_those_of_the_normal_distribution(overshoot: float, expected: float) -> None:
    assert deviations(overshoot) == pytest.approx(expected, abs=1e-4)


def test_the_margin_of_one_call_is_its_95th_percentile() -> None:
    assert margin(variance(1_000, 3_000), 0.05, 10**9) == pytest.approx(2_000, abs=2)


def test_the_margin_of_many_calls_is_less_than_the_sum_of_their_margins() -> None:
    one = variance(1_000, 3_000)
    assert margin(16 * one, 0.05, 10**9) == pytest.approx(4 * margin(one, 0.05, 10**9), abs=8)


def test_a_margin_takes_at_most_a_tenth_of_the_limit_and_says_so() -> None:
    wide = variance(1_000, 9_000)
    assert margin(wide, 0.05, 10_000) == 1_000
    assert stated(wide, 0.05, 10**9) == 0.05
    assert 0.3 < stated(wide, 0.05, 10_000) < 0.5


@given(
    limit=st.integers(1, 10**12),
    spent=st.integers(0, 10**12),
    reserved=st.integers(0, 10**12),
    value=st.integers(0, 10**12),
    spread=st.integers(0, 10**11),
)
def test_with_the_shortfall_added_a_call_fits(limit: int, spent: int, reserved: int, value: int, spread: int) -> None:
    need = Need(value, float(spread) ** 2)
    taken = Taken(limit, spent, reserved)
    if fits(taken, need, 0.05):
        return
    enough = limit + shortfall(taken, need, 0.05)
    assert fits(taken._replace(limit=enough), need, 0.05)
    assert enough <= max(limit, spent + reserved + value + math.ceil(1.65 * spread)) + 2
