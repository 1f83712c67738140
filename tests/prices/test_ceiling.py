"""The dearest rates that may apply, merged so that they bound every mix of tokens."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tokenguard.prices import Catalogue
from tokenguard.prices.ceiling import (
    ANY,
    REGION_PREMIUM,
    SPEED_PREMIUM,
    TIER_PREMIUM,
    Ceiling,
    Scope,
    ceiling,
    scope_of,
)
from tokenguard.prices.data import Band, Found, Model, Prices, Variant
from tokenguard.prices.rates import band_of, in_force
from tokenguard.records import Context, Usage

STANDARD = Prices(bands=(Band(0, 100, 200, 10), Band(1000, 300, 400, 30)), fees={"web_search": 5})
FLEX = Prices(bands=(Band(0, 50, 100, 5),))
PRIORITY = Prices(bands=(Band(0, 150, 900, 15),), fees={"web_search": 7}, since_us=100)
FAST = Prices(bands=(Band(0, 600, 500, 60),))
MODEL = Model(
    "m",
    prices=(STANDARD,),
    variants=(
        Variant("tier", "flex", (FLEX,)),
        Variant("tier", "priority", (PRIORITY,)),
        Variant("speed", "fast", (FAST,)),
    ),
)


def of(scope: Scope, model: Model = MODEL, at_us: int = 100, own: bool = True, prompt: int | None = None) -> Ceiling:
    found = ceiling([Found("p", model, own)], at_us, scope, prompt)
    assert found is not None
    return found


def rates(found: Ceiling) -> tuple[int, int, int]:
    return found.input, found.output, found.cache_read


def priced(**rates: int) -> Prices:
    return Prices(bands=(Band(0, **rates),))


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), (600, 900, 60)),
        (Scope(None, None), (300, 400, 30)),
        (Scope("flex", None), (300, 400, 30)),
        (Scope("priority", None), (300, 900, 30)),
        (Scope(ANY, None), (300, 900, 30)),
        (Scope(None, "fast"), (600, 500, 60)),
    ],
)
def test_what_is_listed_may_apply_unless_it_is_ruled_out(scope: Scope, expected: tuple[int, int, int]) -> None:
    assert rates(of(scope)) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope("batch", None), (300, 400, 30)),
        (Scope("scale", None), (1800, 2400, 180)),
        (Scope(None, "warp"), (1800, 2400, 180)),
        (Scope("scale", "warp"), (10800, 14400, 1080)),
        (Scope("priority", "fast"), (3600, 5400, 360)),
    ],
)
def test_what_is_not_listed_costs_a_premium_unless_it_is_a_discount(
    scope: Scope, expected: tuple[int, int, int]
) -> None:
    assert rates(of(scope)) == expected


def test_a_tier_is_not_listed_before_its_first_date() -> None:
    assert rates(of(Scope("priority", None), at_us=99)) == (1800, 2400, 180)
    assert rates(of(Scope(), at_us=99)) == (600, 500, 60)


def test_a_resellers_tiers_are_not_listed() -> None:
    assert rates(of(Scope("priority", None), own=False)) == (1800, 5400, 180)


def test_a_known_prompt_rules_out_the_other_bands() -> None:
    assert rates(of(Scope(None, None), prompt=1000)) == (100, 200, 10)
    assert rates(of(Scope(None, None), prompt=1001)) == (300, 400, 30)


def test_the_hour_of_the_day_does_not_matter() -> None:
    peak = Prices(bands=(Band(0, 7, 8),), daily=(3600, 7200))
    assert rates(of(Scope(), Model("m", prices=(priced(input=1, output=2), peak)))) == (7, 8, 7)


def test_fees_are_the_dearest_too() -> None:
    assert of(Scope()).fees == {"web_search": 7}
    assert of(Scope(None, None)).fees == {"web_search": 5}


def test_several_models_are_merged_bucket_by_bucket_and_named_by_the_dearest_output() -> None:
    models = [
        Model("a", prices=(priced(input=1, output=20, cache_read=1),)),
        Model("b", prices=(priced(input=3, output=9),)),
        Model("c"),
    ]
    found = ceiling([Found("p", model, True) for model in models], 0, Scope())
    assert found is not None
    assert (*rates(found), found.model) == (3, 20, 1, "a")


def test_sound_and_images_count_at_their_own_rates() -> None:
    prices = Prices(
        bands=(Band(0, 10, 20, 1),), media={"input_audio": 30, "output_image": 50, "cache_audio_read": 3, "input_x": 2}
    )
    assert rates(of(Scope(), Model("m", prices=(prices,)))) == (30, 50, 3)


def test_unlisted_reads_cost_like_input_and_writes_follow_anthropics_rule() -> None:
    found = of(Scope(), Model("m", prices=(priced(input=101, output=1),)))
    assert (found.cache_read, found.cache_write_5m, found.cache_write_1h) == (101, 127, 202)
    assert found.prompt == 101


def test_the_listed_writes_of_one_model_do_not_bound_those_of_another() -> None:
    models = [
        Model("a", prices=(priced(input=10, output=1, cache_write_5m=11),)),
        Model("b", prices=(priced(input=100, output=1),)),
    ]
    found = ceiling([Found("p", model, True) for model in models], 0, Scope())
    assert found is not None
    assert (found.cache_write_5m, found.cache_write_1h) == (125, 200)


def test_listed_writes_count_for_any_token_of_a_prompt() -> None:
    found = of(Scope(), Model("m", prices=(priced(input=100, output=1, cache_write_5m=130),)))
    assert (found.cache_write_5m, found.prompt) == (130, 130)


def test_claudes_writes_are_as_good_as_listed() -> None:
    assert of(Scope(), Model("claude-9", prices=(priced(input=100, output=1),))).prompt == 200


@pytest.mark.parametrize("prices", [(), (Prices(),), (priced(input=0, output=0),), (priced(input=5),)])
def test_without_a_price_for_input_and_output_there_is_no_ceiling(prices: tuple[Prices, ...]) -> None:
    assert ceiling([Found("p", Model("m", prices=prices), True)], 0, Scope()) is None


def test_tokens_cost_the_sum_of_their_rates() -> None:
    found = Ceiling(2, 3, 5, 7, 11, prompt=11, fees={}, model="")
    assert found.tokens_cost(Usage(10, 100, 1000, 10_000, 100_000, reasoning=9)) == 20 + 500 + 7000 + 110_000 + 300_000


def test_the_scope_of_a_served_call() -> None:
    assert scope_of(Context("default", "standard", "us")) == Scope(None, None)
    assert scope_of(Context("ON_DEMAND_FLEX", "fast")) == Scope("flex", "fast")


def test_no_listed_tier_or_speed_costs_more_than_its_premium(catalogue: Catalogue) -> None:
    dearest = {"tier": Fraction(0), "speed": Fraction(0)}
    for model in (model for provider in catalogue.providers.values() for model in provider.models):
        for variant in (variant for variant in model.variants if variant.when in dearest):
            for prices in variant.prices:
                standard = in_force(model.prices, prices.since_us or 0) or Prices()
                for one, other in zip(buckets(prices), buckets(standard), strict=True):
                    dearest[variant.when] = max(dearest[variant.when], Fraction(one, other))
    assert 2 < dearest["tier"] <= TIER_PREMIUM
    assert 1 < dearest["speed"] <= SPEED_PREMIUM


def buckets(prices: Prices) -> list[int]:
    band = band_of(prices, prompt=1)
    return [rate or 1 for rate in (band.input, band.output, band.cache_read, band.cache_write_5m, band.cache_write_1h)]


def test_a_fast_model_of_its_own_costs_no_more_than_an_unlisted_speed(catalogue: Catalogue) -> None:
    listed = {model.id: model for model in catalogue.providers["openrouter"].models}
    pairs = [(model, listed.get(id.removesuffix("-fast"))) for id, model in listed.items() if "claude" in id]
    ratios = [
        Fraction(fast.prices[-1].bands[0].output or 0, slow.prices[-1].bands[0].output or 1)
        for fast, slow in pairs
        if slow is not None and slow is not fast and slow.prices and fast.prices
    ]
    assert max(ratios) == SPEED_PREMIUM


def test_an_unlisted_region_costs_more_than_any_listed_one() -> None:
    assert Fraction(*REGION_PREMIUM) > Fraction(11, 10)


def test_no_maker_charges_more_for_cache_writes_than_the_rule_says(catalogue: Catalogue) -> None:
    for provider in catalogue.providers.values():
        for model in provider.models if provider.speaks else ():
            for prices in model.prices:
                for band in prices.bands:
                    assert (band.cache_write_5m or 0) * 4 <= (band.input or 0) * 5, model.id
                    assert (band.cache_write_1h or 0) <= (band.input or 0) * 2, model.id
