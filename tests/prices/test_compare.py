"""What the same work would have cost otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.house import CATALOGUE, NOON
from tokenguard import prices
from tokenguard.prices import compare
from tokenguard.prices.data import Band
from tokenguard.records import Leg, Usage

MODELS = [
    (provider, model)
    for provider, models in {
        "anthropic": ("claude-opus-5-5", "claude-sonnet-4-5", "claude-haiku-5-5"),
        "openai": ("gpt-6.1-sol", "gpt-5.5"),
        "gemini": ("gemini-2.5-pro", "gemini-3.8-flash"),
        "xai": ("grok-4.7",),
    }.items()
    for model in models
]


@pytest.mark.parametrize(
    ("provider", "model", "other"),
    [
        ("anthropic", "claude-fable-5-2", "claude-opus-5-5"),
        ("anthropic", "claude-opus-5-5", "claude-sonnet-5-5"),
        ("anthropic", "claude-opus-5-5-20261001", "claude-sonnet-5-5"),
        ("anthropic", "opus", "claude-sonnet-5-5"),
        ("anthropic", "claude-opus-4-1", "claude-sonnet-5-5"),
        ("anthropic", "claude-sonnet-5", "claude-haiku-5-5"),
        ("anthropic", "claude-haiku-5-5", None),
        ("anthropic", "nobody-knows", None),
        ("openai", "gpt-6-astra", "gpt-6.1-sol"),
        ("openai", "gpt-6.1-sol", "gpt-6.1-terra"),
        ("chatgpt", "gpt-6.1-sol", "gpt-6.1-terra"),
        ("gemini", "gemini-2.5-pro", "gemini-3.8-flash"),
        ("openrouter", "anthropic/claude-opus-5.5", "anthropic/claude-sonnet-5.5"),
        ("nobody", "claude-opus-5-5", None),
    ],
)
def test_the_next_model_down(provider: str, model: str, other: str | None) -> None:
    assert compare.next_down(CATALOGUE, provider, model, NOON) == other


@pytest.mark.parametrize(
    "provider", ["anthropic", "openai", "gemini", "xai", "mistral", "deepseek", "kimi", "openrouter"]
)
def test_it_is_always_cheaper_and_the_ladder_ends(provider: str) -> None:
    seller = CATALOGUE.provider(provider)
    assert seller is not None
    for model in seller.models:
        name: str | None = model.id
        seen: list[str] = []
        while name is not None:
            assert name not in seen
            seen.append(name)
            name = compare.next_down(CATALOGUE, provider, name, NOON)
        bands = [compare.band(CATALOGUE, provider, one, 0, NOON) for one in seen]
        outputs = [band.output or 0 for band in bands if band is not None]
        assert outputs == sorted(outputs, reverse=True)


@pytest.mark.parametrize(("provider", "model"), MODELS)
@given(
    usage=st.builds(
        Usage,
        input=st.integers(0, 400_000),
        cache_read=st.integers(0, 400_000),
        cache_write_5m=st.just(0),
        output=st.integers(0, 50_000),
    )
)
def test_one_call_costs_what_it_costs(provider: str, model: str, usage: Usage) -> None:
    band = compare.band(CATALOGUE, provider, model, usage.prompt, NOON)
    exact = prices.cost(CATALOGUE, provider, Leg(model, usage), NOON)
    assert band is not None and exact is not None
    assert compare.nanos(band, usage) == exact.nanos


def test_cliffs_are_where_the_price_changes() -> None:
    for provider, model in MODELS:
        for cliff in compare.cliffs(CATALOGUE, provider, model, NOON):
            below, beyond = (compare.band(CATALOGUE, provider, model, cliff + more, NOON) for more in (0, 1))
            assert below is not None and beyond is not None
            assert (below.input or 0) < (beyond.input or 0)
    assert compare.cliffs(CATALOGUE, "anthropic", "claude-haiku-5-5", NOON) == (100_000,)
    assert compare.cliffs(CATALOGUE, "anthropic", "nobody-knows", NOON) == ()


def test_a_missing_rate_of_writing_is_that_of_input_and_others_are_unknown() -> None:
    band = Band(0, input=3_000_000)
    assert compare.nanos(band, Usage(cache_write_5m=1, cache_write_1h=1)) == 6
    assert compare.nanos(band, Usage(cache_read=1)) is None
    assert compare.nanos(band, Usage()) == 0


def test_nothing_is_known_of_what_has_no_price() -> None:
    assert compare.band(CATALOGUE, "openai", "gpt-live-1", 0, NOON) is None
    assert compare.band(CATALOGUE, "openai", "nobody-knows", 0, NOON) is None
