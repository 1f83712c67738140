"""Pricing many calls comes to what pricing each of them comes to."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tokenguard import prices
from tokenguard.records import Confidence, Context, Leg, Usage

CATALOGUE = prices.decode((files(prices) / "catalogue.json").read_bytes())
MANY = prices.Many(CATALOGUE)
LOGGED = prices.Many(CATALOGUE, Confidence.ESTIMATED)
_COUNTS = st.one_of(st.just(0), st.integers(0, 300_000))
_LEGS = st.builds(
    Leg,
    st.sampled_from(
        [
            "claude-opus-4-5",
            "claude-sonnet-4-5-20250929",
            "claude-haiku-5-5",
            "opus",
            "gpt-5.1-codex",
            "gemini-2.5-pro",
            "deepseek-chat",
            "grok-4",
            "novelty-9",
        ]
    ),
    st.builds(Usage, *[_COUNTS] * 5),
    context=st.builds(
        Context,
        st.sampled_from([None, "standard", "priority", "batch", "odd"]),
        st.sampled_from([None, "fast"]),
        st.sampled_from([None, "not_available", "us"]),
    ),
    fees=st.sampled_from([(), (("web_search", 2),)]),
    billed=st.sampled_from([True, True, True, False]),
    cost_nanos=st.sampled_from([None, None, None, 5]),
)
_PROVIDERS = st.sampled_from(["anthropic", "openai", "gemini", "deepseek", "xai", "bedrock", "nobody"])
_INSTANTS = st.integers(*(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000 for year in (2023, 2027)))


@settings(max_examples=400, deadline=None)
@given(_PROVIDERS, _LEGS, _INSTANTS)
def test_the_answers_are_the_same(provider: str, leg: Leg, at_us: int) -> None:
    assert MANY.charge(provider, leg, at_us) == prices.charge(CATALOGUE, provider, (leg,), at_us)


@settings(max_examples=200, deadline=None)
@given(_PROVIDERS, _LEGS, _INSTANTS)
def test_what_is_known_can_be_trusted_no_further_than_said(provider: str, leg: Leg, at_us: int) -> None:
    exact = MANY.charge(provider, leg, at_us)
    expected = Confidence.ESTIMATED if exact.confidence is Confidence.EXACT else exact.confidence
    assert LOGGED.charge(provider, leg, at_us) == replace(exact, confidence=expected)


def test_most_calls_are_not_looked_up_again() -> None:
    many = prices.Many(CATALOGUE)
    leg, at_us = Leg("claude-opus-4-5", Usage(10, 20, 30, 0, 40)), 1_772_000_000_000_000
    first = many.charge("anthropic", leg, at_us)
    looked_up = CATALOGUE.find.cache_info()
    assert many.charge("anthropic", leg, at_us + 1) == first
    assert CATALOGUE.find.cache_info() == looked_up
