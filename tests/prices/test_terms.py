"""The words of providers."""

from __future__ import annotations

import pytest
from genai_prices.data import providers

from tokenguard.prices import terms


def test_every_provider_that_is_named_otherwise_is_in_the_data() -> None:
    assert set(terms.PROVIDERS.values()) <= {provider.id for provider in providers}
    assert not set(terms.PROVIDERS) & {provider.id for provider in providers}


@pytest.mark.parametrize(
    ("name", "tier"),
    [(None, None), ("Default", None), ("ON_DEMAND_PRIORITY", "priority"), ("batch", "batch"), ("scale", "scale")],
)
def test_tiers(name: str | None, tier: str | None) -> None:
    assert terms.tier_of(name) == tier


@pytest.mark.parametrize(("name", "speed"), [(None, None), ("standard", None), ("Fast", "fast")])
def test_speeds(name: str | None, speed: str | None) -> None:
    assert terms.speed_of(name) == speed


@pytest.mark.parametrize(
    ("owner", "region", "factor"),
    [
        ("anthropic", None, (1, 1)),
        ("anthropic", "global", (1, 1)),
        ("anthropic", "not_available", (1, 1)),
        ("anthropic", "US", (11, 10)),
        ("anthropic", "eu", None),
        ("minimax", "us", None),
    ],
)
def test_regions(owner: str, region: str | None, factor: tuple[int, int] | None) -> None:
    assert terms.region_factor(owner, region) == factor


@pytest.mark.parametrize(
    ("model", "counted", "fee"),
    [
        ("claude-opus-5-5", "web_search", "web_search"),
        ("claude-opus-5-5", "web_fetch", None),
        ("gpt-6-sol", "web_search_call:search", "web_search"),
        ("gpt-6-sol", "web_search_call:open_page", None),
        ("gpt-6-sol", "file_search_call", "file_search"),
        ("gpt-6-sol", "code_interpreter_call", "code_interpreter_call"),
        ("gemini-2.5-flash", "grounded_prompt", "web_search"),
        ("gemini-2.5-flash", "grounding_web_search_queries", None),
        ("gemini-live-2.5-flash", "grounded_prompt", "web_search"),
        ("gemini-3.1-pro-preview", "grounded_prompt", None),
        ("gemini-3.1-pro-preview", "grounding_web_search_queries", "web_search"),
        ("gemini-flash-latest", "grounding_web_search_queries", "web_search"),
    ],
)
def test_fees(model: str, counted: str, fee: str | None) -> None:
    assert terms.fee_of(model, counted) == fee
