from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.fitting import Need, Taken, calibrated, deviations, fits, shortfall, stated
from tokenguard.policy.trend import Trend


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


@pytest.mark.parametrize(("overshoot", "expected"), [(0.5, 1.96), (0.05, 2.807), (0.02, 3.0902)])
def test_each_of_twenty_moments_has_its_share_of_the_chance(overshoot: float, expected: float) -> None:
    assert deviations(overshoot) == pytest.approx(expected, abs=1e-4)


UNSEEN = Trend()
ROOMY = Taken(10**9, 0)


def test_nothing_is_known_but_what_was_estimated() -> None:
    need = calibrated(1_000, 1_500, 2_645, UNSEEN)
    assert (need.value, need.likely) == (1_500, 1_000)
    assert math.sqrt(need.variance) == pytest.approx(1_000, rel=1e-3)
    assert need.doubt == pytest.approx(500, rel=1e-3), "as if four calls had been seen"


def test_what_calls_took_before_outweighs_what_was_estimated() -> None:
    seen = UNSEEN
    for _ in range(400):
        seen = seen.seen(3.0, 30)
    need = calibrated(1_000, 1_500, 2_645, seen)
    assert 2_800 < need.value <= 3_000
    assert need.doubt < 100


def takes(taken: Taken, need: Need) -> int:
    """The least room in which the call fits."""
    return shortfall(taken._replace(limit=0), need, 0.05) - taken.spent - taken.reserved


def test_a_call_that_cannot_vary_needs_no_margin() -> None:
    assert takes(Taken(0, 0), Need(7)) == 7
    assert takes(Taken(0, 5, 100), Need(7)) == 7


def test_chance_adds_up_to_less_than_the_sum_of_its_margins() -> None:
    one = Need(100_000, 1_000.0**2, likely=100_000)
    assert takes(Taken(0, 0), one) == pytest.approx(102_807, abs=1)
    others = Taken(0, 0, 1_500_000, 15 * 1_000.0**2)
    assert takes(others, one) == pytest.approx(100_000 + 4 * 2_807, abs=4)


def test_doubts_about_all_calls_of_a_kind_add_up_in_full() -> None:
    one = Need(100_000, 1.0, 1_000.0, likely=100_000)
    assert takes(Taken(0, 0), one) == pytest.approx(102_807, abs=2)
    assert takes(Taken(0, 0, 1_500_000, 15.0, 15_000.0), one) == pytest.approx(100_000 + 16 * 2_807, abs=20)


def test_beside_what_is_likely_a_call_needs_at_most_a_tenth_of_the_limit_and_the_budget_says_so() -> None:
    wide = Need(3_000, 5_000.0**2, likely=1_000)
    assert fits(Taken(10_000, 8_000), wide, 0.05) and not fits(Taken(10_000, 8_001), wide, 0.05)
    assert stated(5_000.0, 0.05, 10**9) == 0.05
    assert 0.3 < stated(5_000.0, 0.05, 10_000) < 0.5
    assert stated(0.0, 0.05, 10_000) == 0.05


@given(
    limit=st.integers(1, 10**12),
    spent=st.integers(0, 10**12),
    reserved=st.integers(0, 10**12),
    value=st.integers(0, 10**12),
    spread=st.integers(0, 10**11),
)
def test_with_the_shortfall_added_a_call_fits(limit: int, spent: int, reserved: int, value: int, spread: int) -> None:
    need = Need(value, float(spread) ** 2, float(spread) / 3, likely=value // 2)
    taken = Taken(limit, spent, reserved)
    if fits(taken, need, 0.05):
        return
    enough = limit + shortfall(taken, need, 0.05)
    assert fits(taken._replace(limit=enough), need, 0.05)
    assert enough <= max(limit, spent, spent + reserved + value + math.ceil(3 * spread)) + 2


def test_with_many_calls_at_once_a_budget_is_passed_more_often_and_says_so() -> None:
    shares = [stated(0.0, 0.05, 10**9, at_once) for at_once in (1, 8, 9, 64, 65, 256)]
    assert shares == pytest.approx([0.05, 0.05, 0.15, 0.15, 0.2, 0.2])
    assert stated(10**12, 0.05, 10, 64) == 1.0
