"""The prices of a model, for people."""

from __future__ import annotations

from tokenguard.prices import Catalogue
from tokenguard.prices.explain import explain

AT = 1_795_219_200_000_000
"""2026-11-21, 00:00 UTC."""


def test_all_that_is_listed_now_and_later(catalogue: Catalogue) -> None:
    found = explain(catalogue, "gemini", "models/gemini-3.8-flash", AT)
    assert (found.provider, found.model, found.window, found.mark) == ("google", "gemini-3.8-flash", 1_000_000, "")
    assert found.source == catalogue.source
    shown = [(line.when, line.begun, line.prices.bands[0].input) for line in found.lines]
    assert shown == [
        ("standard", True, 750_000_000),
        ("standard", False, 1_500_000_000),
        ("tier batch", True, 375_000_000),
        ("tier batch", False, 750_000_000),
    ]


def test_the_hours_of_a_day(catalogue: Catalogue) -> None:
    found = explain(catalogue, "deepseek", "deepseek-flash", AT)
    assert [line.prices.daily for line in found.lines] == [(21_600, 36_000), (3600, 14_400), None]


def test_the_bands_of_a_cliff(catalogue: Catalogue) -> None:
    standard = explain(catalogue, "anthropic", "claude-haiku-5-5", AT).lines[0].prices
    assert [(band.above, band.input) for band in standard.bands] == [(0, 100_000_000), (100_000, 500_000_000)]


def test_what_bounds_a_model_without_a_price(catalogue: Catalogue) -> None:
    found = explain(catalogue, "anthropic", "claude-opus-6", AT)
    assert (found.provider, found.model) == ("", "claude-opus-6")
    assert found.mark == "unknown-model:priced-as=claude-3-opus-latest"
    assert [line.when for line in found.lines] == ["bound"]
    assert found.lines[0].prices.bands[0].output == 75_000_000_000


def test_a_model_that_is_known_without_a_price(catalogue: Catalogue) -> None:
    unpriced = next(model for model in catalogue.providers["openrouter"].models if not model.prices)
    assert explain(catalogue, "openrouter", unpriced.names[0], AT).mark.startswith("unpriced-model:priced-as=")
