"""The prices that hold at an instant, at a tier, for a prompt of a length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.prices import rates
from tokenguard.prices.data import Band, Found, Model, Prices, Variant
from tokenguard.prices.rates import Unlisted
from tokenguard.records import Context, Usage

HOUR = 3600
DAY_US = 24 * HOUR * 1_000_000


def priced(input: int, since_us: int | None = None, daily: tuple[int, int] | None = None) -> Prices:
    return Prices(bands=(Band(0, input),), since_us=since_us, daily=daily)


def test_the_last_price_that_has_begun_holds() -> None:
    dated = (priced(1), priced(2, since_us=100), priced(3, since_us=200))
    assert [rates.in_force(dated, at) for at in (-5, 99, 100, 199, 200)] == [dated[0]] * 2 + [dated[1]] * 2 + [dated[2]]


def test_before_the_first_price_none_holds() -> None:
    assert rates.in_force((priced(1, since_us=100),), 99) is None
    assert rates.in_force((), 0) is None


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ((1 * HOUR, 4 * HOUR), (1 * HOUR, 4 * HOUR - 1), (0, 1 * HOUR - 1, 4 * HOUR)),
        ((16 * HOUR, 1 * HOUR), (16 * HOUR, 23 * HOUR, 0, 1 * HOUR - 1), (1 * HOUR, 16 * HOUR - 1)),
    ],
)
def test_daily_hours(window: tuple[int, int], inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    dated = (priced(1), priced(2, daily=window))
    for midnight in (0, 20_000 * DAY_US):
        assert all(rates.in_force(dated, midnight + second * 1_000_000) == dated[1] for second in inside)
        assert all(rates.in_force(dated, midnight + second * 1_000_000) == dated[0] for second in outside)
        assert rates.in_force(dated, midnight + window[1] * 1_000_000 - 1) == dated[1]


def test_on_that_day_are_all_hours_that_have_begun() -> None:
    dated = (priced(1), priced(2, since_us=100), priced(3, daily=(0, HOUR)), priced(4, since_us=500, daily=(0, HOUR)))
    assert list(rates.on_that_day(dated, 50)) == [dated[2], dated[0]]
    assert list(rates.on_that_day(dated, 100)) == [dated[2], dated[1]]
    assert list(rates.on_that_day(dated, 500)) == [dated[3], dated[2], dated[1]]


STANDARD, FLEX, FAST = priced(4), priced(2, since_us=100), priced(8)
MODEL = Model("m", prices=(STANDARD,), variants=(Variant("tier", "flex", (FLEX,)), Variant("speed", "fast", (FAST,))))


@pytest.mark.parametrize("tier", [None, "", "default", "standard", "auto", "AUTO", "on_demand", "ON_DEMAND"])
@pytest.mark.parametrize("speed", [None, "standard"])
def test_standard_by_all_its_names(tier: str | None, speed: str | None) -> None:
    assert rates.listed(Found("p", MODEL, True), Context(tier, speed), 0) == STANDARD


def test_a_tier_or_a_speed_has_its_own_price() -> None:
    found = Found("p", MODEL, True)
    assert rates.listed(found, Context("flex"), 100) == FLEX
    assert rates.listed(found, Context("ON_DEMAND_FLEX", "standard"), 100) == FLEX
    assert rates.listed(found, Context("default", "fast"), 100) == FAST


@pytest.mark.parametrize(
    ("found", "context", "at_us", "mark"),
    [
        (Found("p", MODEL, True), Context("priority"), 100, "unknown-tier:priority"),
        (Found("p", MODEL, True), Context("flex"), 99, "unknown-tier:flex"),
        (Found("p", MODEL, True), Context("flex", "fast"), 100, "unknown-tier:flex"),
        (Found("p", MODEL, True), Context(None, "warp"), 100, "unknown-speed:warp"),
        (Found("p", MODEL, False), Context("flex"), 100, "unknown-tier:flex"),
        (Found("p", Model("m"), True), Context(), 100, "unpriced-model"),
    ],
)
def test_what_is_not_listed_is_never_standard(found: Found, context: Context, at_us: int, mark: str) -> None:
    with pytest.raises(Unlisted, match=f"^{mark}$"):
        rates.listed(found, context, at_us)


def test_a_band_applies_above_its_number_of_tokens() -> None:
    prices = Prices(bands=(Band(0, 1), Band(100, 2), Band(200, 3)))
    found = [rates.band_of(prices, prompt).input for prompt in (0, 1, 100, 101, 200, 201, 10**9)]
    assert found == [1, 1, 1, 2, 2, 3, 3]


def test_an_unpriced_model_has_a_band_without_rates() -> None:
    assert rates.band_of(Prices(), 5) == Band(0)


usages = st.builds(Usage, *[st.integers(0, 10**9)] * 5)


@given(usages)
def test_tokens_cost_the_sum_of_their_rates(usage: Usage) -> None:
    band = Band(0, input=2, output=3, cache_read=5, cache_write_5m=7, cache_write_1h=11)
    expected = 2 * usage.input + 3 * usage.output + 5 * usage.cache_read
    expected += 7 * usage.cache_write_5m + 11 * usage.cache_write_1h
    assert rates.tokens_cost(band, usage) == expected


@pytest.mark.parametrize("bucket", ["input", "output", "cache_read", "cache_write_5m", "cache_write_1h"])
def test_a_missing_rate_matters_only_if_it_is_needed(bucket: str) -> None:
    every = {"input": 1, "output": 1, "cache_read": 1, "cache_write_5m": 1, "cache_write_1h": 1}
    band = Band(0, **{name: rate for name, rate in every.items() if name != bucket})
    assert rates.tokens_cost(band, Usage(**every)) is None
    assert rates.tokens_cost(band, Usage(**(every | {bucket: 0}))) == 4


def test_reasoning_is_never_added() -> None:
    assert rates.tokens_cost(Band(0, output=3), Usage(output=5, reasoning=4)) == 15


def test_claudes_cache_writes_follow_anthropics_rule() -> None:
    band = Band(0, input=3_000_000_001)
    ruled = rates.with_claude_writes(band, "anthropic.claude-9")
    assert (ruled.cache_write_5m, ruled.cache_write_1h) == (3_750_000_002, 6_000_000_002)
    assert rates.with_claude_writes(band, "gpt-9") == band


def test_the_rule_does_not_replace_a_listed_rate() -> None:
    ruled = rates.with_claude_writes(Band(0, input=4, cache_write_5m=1), "claude")
    assert (ruled.cache_write_5m, ruled.cache_write_1h) == (1, 8)


def test_a_missing_rate_of_reads_is_that_of_input() -> None:
    assert rates.with_full_reads(Band(0, input=4)).cache_read == 4
    assert rates.with_full_reads(Band(0, input=4, cache_read=0)).cache_read == 0


@pytest.mark.parametrize(
    ("prices", "unit"),
    [
        (Prices(other=("audio_hours",)), "audio_hours"),
        (Prices(media={"input_audio": 1, "output_image": 2}), "output_image"),
        (Prices(media={"input_audio": 1, "cache_audio_read": 1}), None),
        (Prices(), None),
    ],
)
def test_units_that_tokens_do_not_count(prices: Prices, unit: str | None) -> None:
    assert rates.uncounted_unit(prices) == unit
