"""Estimates of recorded requests, by what requests of other tests taught: how near they are, and what they bound."""

from __future__ import annotations

from statistics import fmean, median

import pytest

from tests.corpus.recorded import FOLDER
from tests.corpus.turns import Guess, guesses, held_out, is_bounded, requests

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded requests at {FOLDER} (TOKENGUARD_RECORDED)")

LARGE = 2_000
"""Bytes of a request from which on its estimate matters."""


@pytest.fixture(scope="module", params=["cold", "held out"])
def bounded(request: pytest.FixtureRequest) -> list[Guess]:
    """All whose requests tell what their prompts consist of: before anything is learned, and by the other half."""
    return guesses(filter(is_bounded, requests()), {}) if request.param == "cold" else held_out(is_bounded)


def test_first_turns_are_estimated_to_15_percent(bounded: list[Guess]) -> None:
    first = [guess for guess in bounded if guess.request.last is None]
    assert first
    assert median(guess.error for guess in first) <= 0.15
    assert median(guess.by_bytes for guess in first) > 0.5


def test_later_turns_are_estimated_to_5_percent(bounded: list[Guess]) -> None:
    later = [guess for guess in bounded if guess.request.last and guess.request.facts.body_bytes >= LARGE]
    if not later:
        pytest.skip("no later turns were recorded")
    assert median(guess.error for guess in later) <= 0.05


def test_the_bound_of_prompts_holds_for_95_of_100(bounded: list[Guess]) -> None:
    assert fmean(guess.holds for guess in bounded) >= 0.95


def test_the_bound_of_outputs_holds_for_95_of_100(bounded: list[Guess]) -> None:
    assert fmean(guess.output_holds for guess in bounded) >= 0.95
