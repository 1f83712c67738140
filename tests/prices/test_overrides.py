"""A user's own prices on top of the list, and providers that the list does not know by name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.prices import Catalogue, Override, adapt, bound, charge, cost, dearest
from tokenguard.prices.data import Band, Prices, Variant
from tokenguard.prices.overrides import is_loopback
from tokenguard.records import Charge, Confidence, Context, Leg, Usage

AT = 1_795_219_200_000_000
"""2026-11-21, 00:00 UTC."""
DAY = 86_400_000_000
USAGE = Usage(input=1_000, output=100)

DOLLAR = 1_000_000_000
"""Per million tokens."""


def own(provider: str, model: str, input: int = DOLLAR, output: int = 2 * DOLLAR, **more: Any) -> Override:
    prices = Prices((Band(0, input, output),), own=True, **more)
    return Override(provider, model, (prices,))


def nanos(catalogue: Catalogue, provider: str, model: str, at_us: int = AT, tier: str | None = None) -> int | None:
    found = cost(catalogue, provider, Leg(model, USAGE, context=Context(tier)), at_us)
    return found.nanos if found else None


MINE = 1_200_000
"""What `USAGE` costs at `own`'s rates; by the list, Opus 5.5 takes 6,000,000."""


def test_it_stands_in_place_of_the_list(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("anthropic", "claude-opus-5-5")], {})
    expected = Charge(MINE, marks=("own-price",))
    assert cost(adapted, "anthropic", Leg("claude-opus-5-5", USAGE), AT) == expected
    assert nanos(catalogue, "anthropic", "claude-opus-5-5") == 6_000_000
    assert nanos(adapted, "anthropic", "claude-opus-5") == 7_500_000


@pytest.mark.parametrize(
    "name", ["claude-opus-5-5", "Claude-Opus-5-5", "claude-opus-5-5[1m]", "anthropic/claude-opus-5-5"]
)
def test_a_name_means_the_model_in_all_its_spellings(catalogue: Catalogue, name: str) -> None:
    adapted = adapt(catalogue, [own("anthropic", "claude-opus-5-5")], {})
    assert nanos(adapted, "anthropic", name) == MINE


def test_a_name_means_the_model_by_its_other_names_and_its_alias(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("anthropic", "claude-opus-5-5")], {})
    assert nanos(adapted, "anthropic", "claude-opus-5-5-20261001") == MINE
    alias = cost(adapted, "anthropic", Leg("opus", USAGE), AT)
    assert alias == Charge(MINE, Confidence.ESTIMATED, ("alias:claude-opus-5-5", "own-price"))


def test_a_name_that_the_list_has_not_is_a_model_of_its_own(catalogue: Catalogue) -> None:
    tuned = "claude-opus-5.5-acme"
    assert nanos(catalogue, "anthropic", tuned) == 6_000_000, "it begins like one that is listed"
    adapted = adapt(catalogue, [own("anthropic", tuned)], {})
    assert nanos(adapted, "anthropic", tuned) == MINE
    assert nanos(adapted, "anthropic", "claude-opus-5-5") == 6_000_000


def test_names_come_before_globs_and_globs_in_their_order(catalogue: Catalogue) -> None:
    overrides = [
        own("anthropic", "claude-*-5-5", input=3 * DOLLAR),
        own("anthropic", "claude-opus-*", input=4 * DOLLAR),
        own("anthropic", "claude-opus-5-5", input=5 * DOLLAR),
    ]
    adapted = adapt(catalogue, overrides, {})
    asked = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-opus-4-7", "claude-opus-99")
    assert [nanos(adapted, "anthropic", model) for model in asked] == [5_200_000, 3_200_000, 4_200_000, 4_200_000]


def test_a_glob_means_what_an_alias_means(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("anthropic", "claude-opus-*")], {})
    assert nanos(adapted, "anthropic", "opus") == MINE


def test_an_entry_for_a_provider_s_name_comes_before_one_for_its_id(catalogue: Catalogue) -> None:
    overrides = [own("google", "gemini-*", input=3 * DOLLAR), own("gemini", "*", input=4 * DOLLAR)]
    adapted = adapt(catalogue, overrides, {})
    assert nanos(adapted, "gemini", "gemini-3.8-flash") == 4_200_000
    assert nanos(adapted, "vertex", "gemini-3.8-flash") == 3_200_000
    assert nanos(adapted, "google", "gemini-3.8-flash") == 3_200_000


def test_it_is_the_price_of_that_provider_only(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("anthropic", "*")], {})
    assert nanos(adapted, "azure", "claude-opus-5-5") == 6_000_000
    assert nanos(adapted, "openai", "gpt-5.5") == nanos(catalogue, "openai", "gpt-5.5")


def test_before_its_date_the_list_holds(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("anthropic", "claude-opus-5-5", since_us=AT)], {})
    assert nanos(adapted, "anthropic", "claude-opus-5-5", AT - 1) == 6_000_000
    assert nanos(adapted, "anthropic", "claude-opus-5-5", AT) == MINE
    assert dearest(adapted, "anthropic", "claude-opus-5-5", AT - 1, Context("standard")).input == 8_800_000_000
    assert dearest(adapted, "anthropic", "claude-opus-5-5", AT, Context("standard")).input == 2_200_000_000


def test_entries_with_dates_take_turns(catalogue: Catalogue) -> None:
    later = own("house", "m", input=3 * DOLLAR, since_us=AT + DAY)
    both = Override("house", "m", (*own("house", "m").prices, *later.prices))
    adapted = adapt(catalogue, [both], {})
    assert [nanos(adapted, "house", "m", at) for at in (0, AT + DAY - 1, AT + DAY)] == [MINE, MINE, 3_200_000]


def test_tiers_and_fees_that_it_does_not_name_stay_as_listed(catalogue: Catalogue) -> None:
    tier = Prices((Band(0, DOLLAR // 2, DOLLAR),), own=True)
    override = Override("openai", "gpt-6-sol", own("openai", "gpt-6-sol").prices, (Variant("tier", "flex", (tier,)),))
    adapted = adapt(catalogue, [override], {})
    assert nanos(adapted, "openai", "gpt-6-sol", tier="flex") == MINE // 2
    assert nanos(adapted, "openai", "gpt-6-sol", tier="priority") == 6_000_000
    searched = Leg("gpt-6-sol", USAGE, fees=(("web_search_call:search", 2),))
    assert cost(adapted, "openai", searched, AT) == Charge(MINE + 20_000_000, marks=("own-price",))


def test_fees_of_its_own(catalogue: Catalogue) -> None:
    override = own("anthropic", "claude-opus-5-5", fees={"web_search": 5_000_000 * 10**6})
    searched = Leg("claude-opus-5-5", USAGE, fees=(("web_search", 3),))
    assert cost(adapt(catalogue, [override], {}), "anthropic", searched, AT) == Charge(
        MINE + 15_000_000, marks=("own-price",)
    )


def test_rates_that_it_does_not_name_follow_the_rules_and_not_the_list(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("anthropic", "claude-opus-5-5"), own("openai", "gpt-6-sol")], {})
    written = Leg("claude-opus-5-5", Usage(cache_write_5m=1_000, cache_write_1h=1_000))
    assert charge(adapted, "anthropic", [written], AT) == Charge(
        3_250_000,
        Confidence.ESTIMATED,
        ("rule:cache-write", "own-price"),
        (3_250_000,),
        leg_saved=(2_000_000 - 3_250_000,),
    )
    read = Leg("gpt-6-sol", Usage(cache_read=1_000))
    assert charge(adapted, "openai", [read], AT) == Charge(
        1_000_000, Confidence.BOUND, ("no-rate:cache-read", "own-price"), (1_000_000,), leg_saved=(0,)
    )


def test_a_window_stays_known(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("anthropic", "claude-opus-*")], {})
    found = adapted.find("anthropic", "claude-opus-5-5")
    assert found is not None
    assert found.model.window == 1_000_000


def test_zero_is_a_price(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("lan", "*", input=0, output=0)], {"lan": "http://192.168.0.7:11434"})
    leg = Leg("qwen3:32b", Usage(1_000, 1_000, 1_000, 1_000, 1_000))
    assert charge(adapted, "lan", [leg], AT).nanos == 0
    rates = dearest(adapted, "lan", "qwen3:32b", AT)
    assert (rates.input, rates.output, rates.mark) == (0, 0, "")


def test_half_a_zero_is_a_price_too(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("lan", "*", input=0)], {})
    assert dearest(adapted, "lan", "qwen3:32b", AT).nanos(10**6, 10**6) == 2 * DOLLAR * 11 // 10


def test_an_unlisted_tier_of_one_s_own_price_is_bounded_by_it(catalogue: Catalogue) -> None:
    adapted = adapt(catalogue, [own("house", "m")], {})
    found = bound(adapted, "house", Leg("m", USAGE, context=Context("ultrafast")), AT)
    assert found == Charge(6 * MINE, Confidence.BOUND, ("unknown-tier:ultrafast",))


class TestThisMachine:
    HOSTS = {
        "ollama": "http://localhost:11434",
        "house": "http://127.0.0.1:8000/v1",
        "anthropic": "http://127.0.0.1:4000",
        "gemini": "http://localhost:4000",
        "work": "https://acme.openai.azure.com/openai",
        "corp": "https://llm.corp.example",
    }

    @pytest.fixture
    def here(self, catalogue: Catalogue) -> Catalogue:
        return adapt(catalogue, [], self.HOSTS)

    @pytest.mark.parametrize("provider", ["ollama", "house"])
    @pytest.mark.parametrize("model", ["qwen3:32b", "gpt-oss:20b", "claude-opus-5-5", "", "x" * 5_000])
    def test_whatever_is_asked_of_it_is_free(self, here: Catalogue, provider: str, model: str) -> None:
        leg = Leg(model, USAGE, context=Context("priority", "fast", "eu"), fees=(("web_search", 7), ("magic", 1)))
        free = Charge(0, marks=("local-host",))
        assert cost(here, provider, leg, AT) == bound(here, provider, leg, AT) == free
        rates = dearest(here, provider, model, AT)
        assert (rates.nanos(10**9, 10**9), rates.mark) == (0, "")

    def test_what_the_provider_says_itself_comes_first(self, here: Catalogue) -> None:
        assert charge(here, "house", [Leg("m", USAGE, cost_nanos=5)], AT).nanos == 5

    def test_a_price_of_one_s_own_comes_first(self, catalogue: Catalogue) -> None:
        adapted = adapt(catalogue, [own("house", "big-*")], self.HOSTS)
        assert nanos(adapted, "house", "big-1") == MINE
        assert nanos(adapted, "house", "small-1") == 0

    @pytest.mark.parametrize(("provider", "model"), [("anthropic", "claude-opus-5-5"), ("gemini", "gemini-3.8-flash")])
    def test_a_name_that_the_list_knows_keeps_its_prices(
        self, here: Catalogue, catalogue: Catalogue, provider: str, model: str
    ) -> None:
        assert nanos(here, provider, model) == nanos(catalogue, provider, model) != 0

    def test_a_name_of_one_s_own_is_whose_api_is_there(self, here: Catalogue) -> None:
        assert nanos(here, "work", "gpt-5.5") == nanos(here, "azure", "gpt-5.5") is not None

    def test_an_address_that_nobody_is_known_at_is_not_free(self, here: Catalogue) -> None:
        assert nanos(here, "corp", "claude-opus-5-5") is None
        found = charge(here, "corp", [Leg("claude-opus-5-5", USAGE)], AT)
        assert (found.nanos > 0, found.marks) == (True, ("unknown-provider:priced-as=claude-opus-5-5",))

    def test_to_adapt_again_is_to_begin_anew(self, here: Catalogue) -> None:
        again = adapt(here, [], {"ollama": "https://ollama.example"})
        assert nanos(again, "ollama", "m") is None
        assert nanos(again, "house", "m") is None


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "llm.localhost", "127.0.0.1", "127.1.2.3", "[::1]"]
)
def test_loopback_hosts(host: str) -> None:
    assert is_loopback(f"http://{host}:11434/v1")


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "localhost.example.com",
        "notlocalhost",
        "0.0.0.0",
        "192.168.0.7",
        "10.0.0.1",
        "[fe80::1]",
        "1.1.1.1",
    ],
)
def test_other_hosts(host: str) -> None:
    assert not is_loopback(f"http://{host}/127.0.0.1/localhost")


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_name_and_no_glob_breaks_it(catalogue: Catalogue, provider: str, glob: str, model: str) -> None:
    adapted = adapt(catalogue, [own(provider, glob.lower())], {provider: "http://localhost"})
    assert charge(adapted, provider, [Leg(model, USAGE)], AT).nanos >= 0
    assert charge(adapted, "anthropic", [Leg(model, USAGE)], AT).nanos > 0 or provider == "anthropic"
