from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.trend import MEMORY, Trend

SERIES = st.lists(st.floats(-3, 3), min_size=1, max_size=MEMORY)


def of(values: list[float], reach: float = 100) -> Trend:
    trend = Trend()
    for value in values:
        trend = trend.seen(value, reach)
    return trend


@given(SERIES)
def test_it_is_the_mean_and_the_deviation_of_what_was_seen(values: list[float]) -> None:
    trend = of(values)
    assert trend.count == pytest.approx(len(values))
    assert trend.at(0) == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert trend.squares == pytest.approx(statistics.pvariance(values) * len(values), abs=1e-9)


@given(SERIES, st.lists(st.floats(-3, 3), max_size=20))
def test_what_was_known_before_counts_as_if_it_had_been_seen(before: list[float], values: list[float]) -> None:
    joined, whole = of(values).after(of(before), len(before)), of([*before, *values])
    assert joined.count == pytest.approx(len(before) + len(values))
    assert joined.mean == pytest.approx(statistics.fmean([*before, *values]), abs=1e-9)
    if whole.count < MEMORY:
        assert joined.squares == pytest.approx(whole.squares, abs=1e-6)


def test_what_was_known_before_weighs_no_more_than_it_may() -> None:
    before = of([0.0] * 40)
    assert Trend().after(before, 4).count == 4
    assert of([1.0] * 4).after(before, 4).mean == pytest.approx(0.5)
    assert of([1.0] * 4).after(Trend(), 4) == of([1.0] * 4)


def test_a_freak_counts_as_far_as_it_may() -> None:
    assert of([0.0, 0.0, 0.0, 50.0], reach=1).mean == pytest.approx(0.25)
    assert of([0.0, 0.0, 0.0, -50.0], reach=1).mean == pytest.approx(-0.25)


def test_half_an_observation_counts_half() -> None:
    halves = Trend().seen(1, 100, 0.5).seen(1, 100, 0.5).seen(0, 100)
    assert halves.count == 2
    assert halves.mean == pytest.approx(0.5)


def test_what_is_far_for_good_is_followed_step_by_step() -> None:
    assert of([5.0] * 40, reach=1).mean > 3


def test_the_oldest_fades() -> None:
    trend = of([0.0] * 1_000)
    assert trend.count == pytest.approx(MEMORY)
    assert of([0.0] * 1_000 + [1.0] * MEMORY).mean > 0.6


def test_a_bound_is_wider_after_few_observations_of_the_same_scatter() -> None:
    few, many = of([-1.0, 1.0]), of([-1.0, 1.0] * 10)
    assert few.at(1.6) > many.at(1.6) > 1.6
    assert few.at(0) == pytest.approx(many.at(0), abs=1e-9)
    assert Trend().at(1.6) == 0
