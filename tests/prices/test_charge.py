"""What a leg costs, what bounds it, and what a whole call costs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenguard.prices import Catalogue, bound, charge, cost, nanos_of
from tokenguard.prices.data import Band, Data, Model, Prices, Provider, Source, Variant
from tokenguard.records import Charge, Confidence, Context, Leg, Usage

AT = 1_795_219_200_000_000
"""2026-11-21, 00:00 UTC."""

EXACT, ESTIMATED, BOUND = Confidence


def leg(model: str, input: int = 0, output: int = 0, tier: str | None = None, **more: Any) -> Leg:
    return Leg(model, Usage(input, output=output), context=Context(tier), **more)


def priced(catalogue: Catalogue, provider: str, leg: Leg, at_us: int = AT) -> Charge:
    found = cost(catalogue, provider, leg, at_us)
    assert found is not None
    return found


# The list


def test_the_cliff_of_haiku(catalogue: Catalogue) -> None:
    below, above = leg("claude-haiku-5-5", 100_000, 1000), leg("claude-haiku-5-5", 100_001, 1000)
    assert cost(catalogue, "anthropic", below, AT) == Charge(10_500_000)
    assert cost(catalogue, "anthropic", above, AT) == Charge(52_500_500)


def test_the_cliff_counts_cached_tokens_and_not_output(catalogue: Catalogue) -> None:
    usage = Usage(input=1, cache_read=50_000, cache_write_5m=30_000, cache_write_1h=19_999, output=10**6)
    below = priced(catalogue, "anthropic", Leg("claude-haiku-5-5", usage))
    assert below.nanos == 100 + 500_000 + 3_750_000 + 3_999_800 + 500_000_000
    above = priced(catalogue, "anthropic", Leg("claude-haiku-5-5", usage + Usage(cache_read=1)))
    assert above.nanos == 500 + 2_500_050 + 18_750_000 + 19_999_000 + 2_500_000_000


def test_every_bucket_at_its_rate(catalogue: Catalogue) -> None:
    usage = Usage(1000, 1000, 1000, 1000, 1000, reasoning=900)
    expected = 4_000_000 + 200_000 + 5_000_000 + 8_000_000 + 20_000_000
    assert priced(catalogue, "anthropic", Leg("claude-opus-5-5", usage)) == Charge(expected)


@pytest.mark.parametrize(
    ("provider", "model", "tier", "speed", "nanos"),
    [
        ("anthropic", "claude-opus-5-5", None, None, 6_000_000),
        ("anthropic", "claude-opus-5-5", "standard", "standard", 6_000_000),
        ("anthropic", "claude-opus-5-5", "batch", None, 3_000_000),
        ("anthropic", "claude-opus-5-5", None, "fast", 12_000_000),
        ("openai", "gpt-6-sol", "default", None, 3_000_000),
        ("openai", "gpt-6-sol", "flex", None, 1_500_000),
        ("openai", "gpt-6-sol", "priority", None, 6_000_000),
        ("chatgpt", "gpt-6-sol", "auto", None, 3_000_000),
        ("gemini", "gemini-3.8-flash", "ON_DEMAND", None, 1_125_000),
        ("deepseek", "deepseek-flash", None, None, 210_000),
    ],
)
def test_tiers_and_speeds(
    catalogue: Catalogue, provider: str, model: str, tier: str | None, speed: str | None, nanos: int
) -> None:
    call = Leg(model, Usage(1000, output=100), context=Context(tier, speed))
    assert cost(catalogue, provider, call, AT) == Charge(nanos)


def test_the_price_is_that_of_the_instant(catalogue: Catalogue) -> None:
    introductory, then = 1_798_761_600_000_000 - 1, 1_798_761_600_000_000
    assert priced(catalogue, "gemini", leg("gemini-3.8-flash", 1000), introductory).nanos == 750_000
    assert priced(catalogue, "gemini", leg("gemini-3.8-flash", 1000), then).nanos == 1_500_000


def test_the_price_is_that_of_the_hour(catalogue: Catalogue) -> None:
    at_two = AT + 2 * 3600 * 1_000_000
    assert priced(catalogue, "deepseek", leg("deepseek-flash", 1000, 100), at_two).nanos == 420_000


def test_inference_in_the_us_costs_a_tenth_more_but_fees_do_not(catalogue: Catalogue) -> None:
    call = Leg("claude-opus-5-5", Usage(1, output=1), context=Context(geo="us"), fees=(("web_search", 1),))
    assert priced(catalogue, "anthropic", call).nanos == 10_000_000 + 26_400


def test_fees(catalogue: Catalogue) -> None:
    call = leg("claude-opus-5-5", fees=(("web_fetch", 9), ("web_search", 2)))
    assert cost(catalogue, "anthropic", call, AT) == Charge(20_000_000)


def test_a_grounded_answer_is_charged_by_prompt_or_by_query_and_may_be_free(catalogue: Catalogue) -> None:
    fees = (("grounded_prompt", 1), ("grounding_web_search_queries", 3))
    old, new = leg("gemini-2.5-pro", fees=fees), leg("gemini-3.1-pro-preview", fees=fees)
    assert cost(catalogue, "gemini", old, AT) == Charge(35_000_000, BOUND, ("free-allowance",))
    assert cost(catalogue, "gemini", new, AT) == Charge(42_000_000, BOUND, ("free-allowance",))


def test_a_fee_for_each_request(catalogue: Catalogue) -> None:
    assert priced(catalogue, "perplexity", leg("sonar", 10)).nanos == 12_000_000 + 10_000


def test_an_alias_is_priced_as_the_newest_and_marked(catalogue: Catalogue) -> None:
    expected = Charge(6_000_000, ESTIMATED, ("alias:claude-opus-5-5",))
    assert cost(catalogue, "anthropic", leg("opus[1m]", 1000, 100), AT) == expected


# Before any list


def test_the_providers_own_figure_wins(catalogue: Catalogue) -> None:
    call = leg("no-such-model", 10, cost_nanos=123)
    assert cost(catalogue, "nobody", call, AT) == bound(catalogue, "nobody", call, AT) == Charge(123)
    assert cost(catalogue, "openrouter", leg("x", 10, cost_nanos=0), AT) == Charge(0)


def test_what_is_not_billed_costs_nothing(catalogue: Catalogue) -> None:
    for call in (leg("no-such-model", 10, billed=False), leg("x", 10, billed=False, cost_nanos=5)):
        assert cost(catalogue, "nobody", call, AT) == bound(catalogue, "nobody", call, AT) == Charge(0)


def test_the_kind_of_a_leg_does_not_matter(catalogue: Catalogue) -> None:
    kinds = {priced(catalogue, "anthropic", leg("claude-opus-5-5", 7, kind=kind)).nanos for kind in ("message", "x")}
    assert len(kinds) == 1


# What the list does not tell

CLAUDE = Model("claude-9", names=("claude-9",), prices=(Prices(bands=(Band(0, 4_000_000, 8_000_000),)),))
OTHER = Model(
    "other",
    names=("other",),
    prices=(Prices(bands=(Band(0, 4_000_000, 8_000_000),), fees={"web_search": 3_000_000}),),
    variants=(Variant("tier", "flex", (Prices(bands=(Band(0, 2_000_000, 4_000_000),)),)),),
)
SPEECH = Model("speech", names=("speech",), prices=(Prices(other=("audio_hours",)),))
EMBEDDING = Model("embedding", names=("embedding",), prices=(Prices(bands=(Band(0, 1_000_000),)),))
UNPRICED = Model("unpriced", names=("unpriced",))
SEARCH = Model("search", names=("search",), prices=(Prices(fees={"request": 1_000_000}),))
TINY = Model("tiny", names=("tiny",), prices=(Prices(bands=(Band(0, 1, 1),)),))
FREE = Model("free", names=("free",), prices=(Prices(bands=(Band(0, 0, 0),)),))
IMAGES = Model("images", names=("images",), prices=(Prices(OTHER.prices[0].bands, media={"output_image": 10**8}),))


@pytest.fixture(scope="module")
def small() -> Catalogue:
    """Rates are whole nanodollars a token."""
    text = Provider("p", "", (OTHER, CLAUDE, SPEECH, EMBEDDING, UNPRICED, FREE), speaks=((("starts_with", "other"),),))
    return Catalogue(Data(1, Source("test", "1", "2026-11-21"), (text, Provider("others", "", (IMAGES, SEARCH, TINY)))))


def test_anthropics_rule_gives_the_missing_prices_of_its_cache_writes(small: Catalogue) -> None:
    usage = Usage(cache_write_5m=100, cache_write_1h=100)
    assert cost(small, "p", Leg("claude-9", usage), 0) == Charge(500 + 800, ESTIMATED, ("rule:cache-write",))


def test_reads_without_a_price_cost_at_most_what_input_does(small: Catalogue) -> None:
    call = Leg("other", Usage(cache_read=100))
    assert cost(small, "p", call, 0) == Charge(400, BOUND, ("no-rate:cache-read",))
    both = Leg("claude-9", Usage(cache_read=100, cache_write_1h=100))
    assert cost(small, "p", both, 0) == Charge(1200, BOUND, ("no-rate:cache-read",))


@pytest.mark.parametrize(
    ("call", "mark", "nanos"),
    [
        (leg("other", 100, 100, tier="scale"), "unknown-tier:scale", 6 * 1200),
        (leg("other", 100, 100, tier="batch"), "unknown-tier:batch", 1200),
        (Leg("other", Usage(100), context=Context(speed="warp")), "unknown-speed:warp", 6 * 400),
        (Leg("other", Usage(100), context=Context("flex", "warp")), "unknown-tier:flex", 6 * 400),
        (Leg("other", Usage(100), context=Context(geo="mars")), "unknown-region:mars", 2 * 400),
        (leg("other", 100, fees=(("teleport", 2),)), "unknown-fee:teleport", 400 + 6),
        (leg("claude-9", 100, fees=(("web_search", 2),)), "unknown-fee:web_search", 400 + 6),
        (Leg("other", Usage(cache_write_5m=100)), "no-rate", 500),
        (Leg("other", Usage(cache_write_1h=100)), "no-rate", 800),
        (leg("speech", 100, 100), "unpriced-model:priced-as=other", 1200),
        (leg("embedding", 100, 100), "unpriced-model:priced-as=other", 1200),
        (leg("unpriced", 100, 100), "unpriced-model:priced-as=other", 1200),
        (leg("other-2", 100, 100), "unknown-model:priced-as=other", 1200),
    ],
)
def test_what_is_not_listed_has_no_cost_but_a_bound(small: Catalogue, call: Leg, mark: str, nanos: int) -> None:
    assert cost(small, "p", call, 0) is None
    assert bound(small, "p", call, 0) == Charge(nanos, BOUND, (mark,))


def test_generated_images_are_not_priced_as_text(small: Catalogue) -> None:
    call = leg("images", 100, 100)
    assert cost(small, "others", call, 0) is None
    assert bound(small, "others", call, 0) == Charge(400 + 10_000, BOUND, ("uncounted-unit:output_image",))


def test_a_listed_price_of_zero_is_a_price_but_bounds_nothing(small: Catalogue) -> None:
    assert cost(small, "p", leg("free", 100, 100), 0) == Charge(0)
    assert bound(small, "p", leg("free", 100, tier="scale"), 0).nanos == 6 * 400


def test_an_unknown_provider_is_bounded_by_the_maker_of_the_model(small: Catalogue) -> None:
    assert cost(small, "nobody", leg("other", 100), 0) is None
    assert bound(small, "nobody", leg("other", 100), 0) == Charge(400, BOUND, ("unknown-provider:priced-as=other",))


def test_a_model_without_a_price_for_tokens_has_no_cost_even_without_tokens(small: Catalogue) -> None:
    assert cost(small, "others", leg("search"), 0) is None


def test_a_bound_is_rounded_up(small: Catalogue) -> None:
    assert cost(small, "others", leg("tiny", 1), 0) == Charge(0)
    assert bound(small, "others", leg("tiny", 1), 0).nanos == 1


def test_nothing_used_is_nothing_even_if_the_price_is_not_known(small: Catalogue) -> None:
    assert cost(small, "p", leg("unpriced"), 0) is None
    assert bound(small, "p", leg("unpriced"), 0).nanos == 0
    assert cost(small, "p", leg("other", fees=(("teleport", 0),)), 0) == Charge(0)


def test_a_mark_quotes_no_more_than_a_few_words(small: Catalogue) -> None:
    (mark,) = bound(small, "p", leg("other", 100, tier="x" * 10_000), 0).marks
    assert mark.startswith("unknown-tier:xxx")
    assert len(mark) == 120


def test_models_without_a_price_are_not_free(catalogue: Catalogue) -> None:
    unpriced = [(p.id, model) for p in catalogue.providers.values() for model in p.models if not model.prices]
    assert len(unpriced) > 100
    for provider, model in unpriced:
        call = leg(model.names[0] if model.names else model.id, 1, 1)
        assert cost(catalogue, provider, call, AT) is None or catalogue.find(provider, call.model) is None
        assert charge(catalogue, provider, [call], AT).nanos > 0


# Whole calls


def test_a_call_is_the_sum_of_its_legs_and_as_trustworthy_as_the_worst(small: Catalogue) -> None:
    legs = [leg("other", 100), leg("other", 50, cost_nanos=7), leg("other", 1, tier="scale"), leg("other-2", 1)]
    found = charge(small, "p", [*legs, *legs], 0)
    assert found.leg_nanos == (400, 7, 24, 4) * 2
    assert (found.nanos, found.confidence) == (870, BOUND)
    assert found.marks == ("unknown-tier:scale", "unknown-model:priced-as=other")


def test_a_call_without_legs_costs_nothing(small: Catalogue) -> None:
    assert charge(small, "p", [], 0) == Charge(0)


# Always

NAMES = [
    *("claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-4-5", "opus", "claude-opus-9", "anthropic/claude-opus-5.5"),
    *("gpt-6-sol", "gpt-5.5", "gpt-9-astra", "whisper-1", "gemini-2.5-flash", "deepseek-flash", "grok-4", "weird"),
]
counts = st.integers(0, 3_000_000)
contexts = st.builds(
    Context,
    st.sampled_from([None, "default", "flex", "priority", "batch", "fast", "scale"]),
    st.sampled_from([None, "standard", "fast", "warp"]),
    st.sampled_from([None, "us", "global", "mars"]),
)
fees = st.sampled_from([(), (("web_search", 2),), (("teleport", 1),), (("file_search", 1), ("web_search", 1))])
legs = st.builds(
    Leg,
    st.sampled_from(NAMES) | st.text(max_size=20),
    st.builds(Usage, counts, counts, counts, counts, counts),
    context=contexts,
    fees=fees,
)
sellers = st.sampled_from(
    ["anthropic", "openai", "gemini", "openrouter", "azure", "deepseek", "xai", "bedrock", "work"]
)
instants = st.integers(1_700_000_000_000_000, 1_900_000_000_000_000)


@settings(deadline=None)
@given(sellers, legs, instants)
def test_a_cost_is_exact_or_marked_and_never_above_its_bound(
    catalogue: Catalogue, seller: str, call: Leg, at_us: int
) -> None:
    found, most = cost(catalogue, seller, call, at_us), bound(catalogue, seller, call, at_us)
    assert most.confidence is BOUND
    assert most.marks
    assert most.nanos > 0 or call.usage.total == 0
    if found is not None:
        assert type(found.nanos) is int
        assert 0 <= found.nanos <= most.nanos
        assert (found.confidence is EXACT) == (found.marks == ())


@settings(deadline=None)
@given(sellers, st.lists(legs, max_size=4), instants)
def test_a_charge_is_the_sum_of_its_legs(catalogue: Catalogue, seller: str, calls: list[Leg], at_us: int) -> None:
    found = charge(catalogue, seller, calls, at_us)
    assert found.nanos == sum(found.leg_nanos)
    assert len(found.leg_nanos) == len(calls)
    for call, nanos in zip(calls, found.leg_nanos, strict=True):
        alone = charge(catalogue, seller, [call], at_us)
        assert alone.nanos == nanos
        assert found.confidence.worst(alone.confidence) is found.confidence


@settings(deadline=None)
@given(sellers, st.lists(legs, max_size=4), instants)
def test_usages_of_one_leg_cost_as_much_together_as_one_by_one(
    catalogue: Catalogue, seller: str, calls: list[Leg], at_us: int
) -> None:
    for like in calls:
        usages = [one.usage for one in calls]
        alone = [charge(catalogue, seller, [Leg(like.model, usage, context=like.context)], at_us) for usage in usages]
        together = nanos_of(catalogue, seller, like.model, like.context, usages, at_us)
        assert together == [one.nanos for one in alone]


@given(st.integers(0, 10**7), st.integers(0, 10**4))
def test_a_leg_is_rounded_once_half_up(input: int, rate: int) -> None:
    model = Model("m", names=("m",), prices=(Prices(bands=(Band(0, rate, rate),)),))
    catalogue = Catalogue(Data(1, Source("test", "1", "2026-11-21"), (Provider("p", "", (model,)),)))
    found = priced(catalogue, "p", leg("m", input, 1), 0)
    assert found.nanos == ((input + 1) * rate + 500_000) // 1_000_000


# What caching saved


@pytest.mark.parametrize(
    ("one", "saved"),
    [
        (leg("claude-opus-5-5", 1_000, 1_000), 0),
        (Leg("claude-opus-5-5", Usage(1_000, cache_read=1_000, output=5)), 4_000_000 - 200_000),
        (Leg("claude-opus-5-5", Usage(cache_write_5m=1_000)), 4_000_000 - 5_000_000),
        (Leg("claude-opus-5-5", Usage(cache_read=1_000), context=Context("batch")), (4_000_000 - 200_000) // 2),
        (Leg("claude-opus-5-5", Usage(cache_read=1_000), billed=False), 0),
        (Leg("claude-opus-5-5", Usage(cache_read=1_000), cost_nanos=7), 4_000_000 - 200_000),
        (Leg("nobody-knows", Usage(cache_read=1_000)), 0),
    ],
)
def test_what_the_cache_took_off(catalogue: Catalogue, one: Leg, saved: int) -> None:
    assert charge(catalogue, "anthropic", [one], AT).leg_saved == (saved,)


def test_a_cache_beyond_a_cliff_saves_by_the_rates_of_there(catalogue: Catalogue) -> None:
    long = Leg("claude-haiku-5-5", Usage(1, cache_read=100_000))
    full = cost(catalogue, "anthropic", leg("claude-haiku-5-5", 100_001), AT)
    read = charge(catalogue, "anthropic", [long], AT)
    assert full is not None
    assert read.leg_saved == (full.nanos - read.nanos,)
