"""Dollars become whole nanodollars per million units, or an error."""

from __future__ import annotations

from datetime import date, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.prices.amounts import prices_of
from tokenguard.prices.data import Band
from tokenguard.prices.published import Amounts, Conditional, Constraint, Step, Tiered


def tiered(base: str, *steps: tuple[int, str]) -> Tiered:
    return Tiered(Decimal(base), [Step(start, Decimal(price)) for start, price in steps])


def bands(**amounts: Decimal | Tiered | None) -> tuple[Band, ...]:
    return prices_of(Conditional(amounts)).bands


def test_each_bucket_has_its_rate() -> None:
    amounts: Amounts = {
        "input_mtok": Decimal("4"),
        "output_mtok": Decimal("20"),
        "cache_read_mtok": Decimal("0.2"),
        "cache_write_mtok": Decimal("5"),
        "cache_write_1h_mtok": Decimal("8"),
    }
    assert bands(**amounts) == (Band(0, 4_000_000_000, 20_000_000_000, 200_000_000, 5_000_000_000, 8_000_000_000),)


def test_a_price_for_five_minutes_wins_over_one_without_a_duration() -> None:
    found = bands(cache_write_5m_mtok=Decimal("2"), cache_write_mtok=Decimal("1"))
    assert found == (Band(0, cache_write_5m=2_000_000_000),)


def test_an_absent_price_is_absent_not_zero() -> None:
    assert bands(input_mtok=Decimal("0"), output_mtok=None) == (Band(0, input=0),)


def test_no_prices_are_no_bands() -> None:
    assert bands() == ()


def test_steps_of_several_prices_make_bands_of_all() -> None:
    found = bands(input_mtok=tiered("1", (200, "2")), output_mtok=tiered("3", (100, "4"), (200, "5")))
    assert [(band.above, band.input, band.output) for band in found] == [
        (0, 1_000_000_000, 3_000_000_000),
        (100, 1_000_000_000, 4_000_000_000),
        (200, 2_000_000_000, 5_000_000_000),
    ]


def test_the_order_of_steps_does_not_matter() -> None:
    assert bands(input_mtok=tiered("1", (9, "3"), (5, "2"))) == bands(input_mtok=tiered("1", (5, "2"), (9, "3")))


def test_fees_are_per_million_events() -> None:
    found = prices_of(Conditional({"web_searches_kcount": Decimal("10"), "requests_kcount": Decimal("12")}))
    assert found.fees == {"request": 12 * 10**12, "web_search": 10 * 10**12}


def test_other_tokens_are_kept_by_name_and_other_units_only_named() -> None:
    found = prices_of(
        Conditional(
            {"output_image_mtok": Decimal("30"), "audio_hours": Decimal("3"), "somethings_kcount": Decimal("1")}
        )
    )
    assert (found.media, found.other) == ({"output_image": 30 * 10**9}, ("audio_hours", "somethings_kcount"))


@pytest.mark.parametrize("price", ["0.0000000001", "1.00000000001", "-1"])
def test_what_is_not_a_whole_number_of_nanodollars_is_an_error(price: str) -> None:
    with pytest.raises(ValueError, match="not a whole number of nanodollars"):
        bands(input_mtok=Decimal(price))


@pytest.mark.parametrize(
    ("price", "nanos"),
    [
        ("0.18000000000000002", 180_000_000),
        ("1.0399999999999998", 1_040_000_000),
        ("0.0416666666666667", 41_666_667),
        ("0.08333333333333334", 83_333_333),
    ],
)
def test_the_residue_of_a_float_is_rounded(price: str, nanos: int) -> None:
    assert bands(input_mtok=Decimal(price)) == (Band(0, input=nanos),)


@given(st.integers(0, 10**15))
def test_whole_nanodollars_are_kept(nanos: int) -> None:
    assert bands(input_mtok=Decimal(nanos).scaleb(-9)) == (Band(0, input=nanos),)


def test_a_price_starts_at_midnight_utc() -> None:
    found = prices_of(Conditional({}, Constraint(start_date=date(2026, 3, 13))))
    assert found.since_us == 1_773_360_000_000_000


def test_daily_hours_are_seconds_of_the_utc_day() -> None:
    in_china = timezone(timedelta(hours=8))
    plain = prices_of(Conditional({}, Constraint(start_time=time(0, 30), end_time=time(16, 30))))
    abroad = prices_of(
        Conditional({}, Constraint(start_time=time(8, 30, tzinfo=in_china), end_time=time(0, 30, tzinfo=in_china)))
    )
    assert plain.daily == abroad.daily == (1800, 59_400)


def test_a_fraction_of_a_second_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a whole second"):
        prices_of(Conditional({}, Constraint(start_time=time(0, 0, 0, 1), end_time=time(1))))
