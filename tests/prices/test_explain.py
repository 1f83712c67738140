"""The prices of a model, for people."""

from __future__ import annotations

import pytest

from tokenguard.prices import Catalogue, Override, adapt
from tokenguard.prices.data import Band, Prices
from tokenguard.prices.explain import explain, sellers
from tokenguard.records import Confidence

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


def test_an_alias_is_an_estimate(catalogue: Catalogue) -> None:
    found = explain(catalogue, "anthropic", "opus", AT)
    assert (found.model, found.confidence, found.mark) == (
        "claude-opus-5-5",
        Confidence.ESTIMATED,
        "alias:claude-opus-5-5",
    )


def test_one_s_own_price_and_what_of_the_list_goes_on_to_hold(catalogue: Catalogue) -> None:
    later = Prices((Band(0, 1, 2),), since_us=AT + 1, own=True)
    adapted = adapt(catalogue, [Override("anthropic", "claude-opus-5-5", (later,))], {})
    before, after = (explain(adapted, "anthropic", "claude-opus-5-5", at) for at in (AT, AT + 1))
    assert [(line.when, line.begun, line.prices.own) for line in before.lines] == [
        ("standard", True, False),
        ("standard", False, True),
        ("tier batch", True, False),
        ("speed fast", True, False),
    ]
    assert [(line.when, line.prices.own) for line in after.lines] == [
        ("standard", True),
        ("tier batch", False),
        ("speed fast", False),
    ]
    assert (after.window, after.confidence) == (1_000_000, Confidence.EXACT)


def test_a_provider_on_this_machine(catalogue: Catalogue) -> None:
    found = explain(adapt(catalogue, [], {"ollama": "http://localhost:11434"}), "ollama", "qwen3:32b", AT)
    assert (found.provider, found.model, found.mark) == ("ollama", "qwen3:32b", "local-host")
    assert [line.prices.bands for line in found.lines] == [(Band(0, 0, 0, 0, 0, 0),)]


class TestSellers:
    NAMES = ("anthropic", "chatgpt", "gemini", "openai", "ollama", "house")

    @pytest.fixture
    def adapted(self, catalogue: Catalogue) -> Catalogue:
        mine = Override("house", "claude-*", (Prices((Band(0, 1, 2),), own=True),))
        return adapt(catalogue, [mine], {"ollama": "http://localhost:1", "house": "https://llm.example"})

    def test_the_maker_comes_first_under_the_name_in_use(self, catalogue: Catalogue) -> None:
        assert sellers(catalogue, self.NAMES, "claude-opus-5-5")[:2] == ["anthropic", "gemini"]
        assert sellers(catalogue, self.NAMES, "gemini-3.8-flash")[0] == "gemini"

    def test_a_provider_is_named_once_and_by_its_id_if_that_is_in_use(self, catalogue: Catalogue) -> None:
        found = sellers(catalogue, self.NAMES, "gpt-5.5")
        assert found[0] == "openai"
        assert not {"chatgpt", "google"} & set(found)

    def test_whose_price_was_given_comes_before(self, adapted: Catalogue) -> None:
        assert sellers(adapted, self.NAMES, "claude-opus-5-5")[:2] == ["house", "anthropic"]

    def test_of_what_nobody_sells_the_maker(self, adapted: Catalogue) -> None:
        assert sellers(adapted, self.NAMES, "gpt-99-nova") == ["openai"]

    def test_and_else_who_is_on_this_machine(self, adapted: Catalogue) -> None:
        assert sellers(adapted, self.NAMES, "zork-1") == ["ollama"]
        assert sellers(adapted, (), "zork-1") == []
