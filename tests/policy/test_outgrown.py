from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.policy.outgrown import Output, outgrown

SPREAD = 1.1
USUAL = Output(400.0, 400.0 * math.exp(SPREAD**2 / 2), 400.0 * math.exp(SPREAD * 1.6448536))


def test_before_anything_was_answered_nothing_changes() -> None:
    assert outgrown(USUAL, 0) == USUAL


def test_what_just_begins_is_as_usual() -> None:
    found = outgrown(USUAL, 5)
    assert found.mean == pytest.approx(USUAL.mean, rel=0.01)


@pytest.mark.parametrize("so_far", [200, 800, 3_000])
def test_it_is_what_calls_take_that_have_come_so_far(so_far: int) -> None:
    rng = Random(1)
    ends = (rng.lognormvariate(math.log(400), SPREAD) for _ in range(400_000))
    longer = sorted(end for end in ends if end > so_far)
    found = outgrown(USUAL, so_far)
    assert found.mean == pytest.approx(sum(longer) / len(longer), rel=0.05)
    assert found.likely == pytest.approx(longer[len(longer) // 2], rel=0.05)
    assert found.p95 == pytest.approx(longer[len(longer) * 95 // 100], rel=0.1)


@given(
    likely=st.floats(1, 1e5),
    wide=st.floats(1, 50),
    so_far=st.integers(0, 10**6),
    more=st.integers(0, 10**5),
)
def test_the_more_there_is_the_more_will_come(likely: float, wide: float, so_far: int, more: int) -> None:
    expected = Output(likely, likely * 1.5, likely * wide)
    sooner, later = outgrown(expected, so_far), outgrown(expected, so_far + more)
    for one in (sooner, later):
        assert all(math.isfinite(value) for value in (one.likely, one.mean, one.p95))
    assert later.likely >= so_far + more and later.mean >= so_far + more
    if so_far:
        assert later.likely >= sooner.likely * 0.99
