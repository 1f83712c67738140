"""The compiler keeps what genai-prices says, resolves what depends on time and tier, and refuses the rest."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from importlib.metadata import version

import pytest
from genai_prices.data import providers

from tokenguard.prices import decode, published
from tokenguard.prices.compiler import compile_catalogue
from tokenguard.prices.data import Model, Prices, Source
from tokenguard.prices.published import Amounts, Clause, Conditional, Constraint, Provider, Variant

SOURCE = Source("test", "1", "2026-11-21")
ONE, TWO, THREE, FOUR = (Decimal(number) for number in (1, 2, 3, 4))


def since(*day: int) -> Constraint:
    return Constraint(start_date=date(*day))


def compiled(
    prices: Amounts | list[Conditional], variants: list[Variant] | None = None, match: Clause | None = None
) -> Model:
    model = published.Model("m", match or Clause(equals="m"), prices, price_variants=variants)
    catalogue = decode(compile_catalogue([Provider("p", "https://p", [model])], SOURCE))
    return catalogue.providers["p"].models[0]


def inputs(prices: tuple[Prices, ...]) -> list[tuple[int | None, int | None]]:
    """(day since the epoch, dollars per million input tokens) of each entry."""
    return [
        (
            None if entry.since_us is None else entry.since_us // 86_400_000_000,
            None if not entry.bands or entry.bands[0].input is None else entry.bands[0].input // 10**9,
        )
        for entry in prices
    ]


def day(*ymd: int) -> int:
    return (date(*ymd) - date(1970, 1, 1)).days


def test_the_shipped_catalogue_is_what_the_compiler_makes(shipped: bytes) -> None:
    source = decode(shipped).source
    installed = version("genai-prices")
    if source.version != installed:
        pytest.skip(f"genai-prices {installed} is installed, the catalogue is of {source.version}: run 'make prices'")
    assert compile_catalogue(published.from_objects(providers), source) == shipped


def test_one_model_is_one_line(shipped: bytes) -> None:
    models = sum(len(provider.models) for provider in providers)
    assert shipped.count(b"\n") == pytest.approx(models, abs=4 * len(providers))


def test_prices_without_conditions() -> None:
    assert inputs(compiled({"input_mtok": ONE}).prices) == [(None, 1)]


def test_a_model_without_prices_is_known_and_has_none() -> None:
    assert compiled({}).prices == ()
    assert compiled([Conditional({})]).prices == ()


def test_dated_prices_keep_their_order_and_dates() -> None:
    model = compiled(
        [
            Conditional({"input_mtok": ONE}),
            Conditional({"input_mtok": TWO}, since(2026, 1, 1)),
            Conditional({"input_mtok": THREE}, Constraint(start_time=time(1), end_time=time(2))),
        ]
    )
    assert inputs(model.prices) == [(None, 1), (day(2026, 1, 1), 2), (None, 3)]
    assert [prices.daily for prices in model.prices] == [None, None, (3600, 7200)]


def test_the_first_price_holds_when_no_other_does() -> None:
    model = compiled([Conditional({"input_mtok": ONE}, since(2026, 1, 1))])
    assert inputs(model.prices) == [(None, 1)]


def test_a_variant_is_filled_in_with_the_standard_prices() -> None:
    (variant,) = compiled(
        {"input_mtok": FOUR, "output_mtok": TWO}, [Variant({"speed": "fast"}, {"output_mtok": THREE})]
    ).variants
    assert (variant.when, variant.value) == ("speed", "fast")
    assert [(prices.bands[0].input, prices.bands[0].output) for prices in variant.prices] == [(4 * 10**9, 3 * 10**9)]


def test_batch_processing_is_a_tier() -> None:
    (variant,) = compiled({"input_mtok": TWO}, [Variant({"processing": "batch"}, {"input_mtok": ONE})]).variants
    assert (variant.when, variant.value) == ("tier", "batch")


def test_a_variant_begins_with_its_date_and_follows_the_standard_prices() -> None:
    (variant,) = compiled(
        [Conditional({"input_mtok": TWO, "output_mtok": ONE}), Conditional({"input_mtok": FOUR}, since(2027, 1, 1))],
        [Variant({"service_tier": "flex"}, {"output_mtok": THREE}, since(2026, 10, 14))],
    ).variants
    assert inputs(variant.prices) == [(day(2026, 10, 14), 2), (day(2027, 1, 1), 4)]


def test_of_variants_for_the_same_tier_the_first_that_has_begun_counts() -> None:
    (variant,) = compiled(
        {"input_mtok": FOUR},
        [
            Variant({"processing": "batch"}, {"input_mtok": TWO}, since(2027, 1, 1)),
            Variant({"processing": "batch"}, {"input_mtok": ONE}, since(2026, 10, 14)),
        ],
    ).variants
    assert inputs(variant.prices) == [(day(2026, 10, 14), 1), (day(2027, 1, 1), 2)]


def test_a_variant_that_changes_nothing_is_still_a_known_tier() -> None:
    (variant,) = compiled({"input_mtok": ONE}, [Variant({"processing": "batch"}, {})]).variants
    assert inputs(variant.prices) == [(None, 1)]


def test_the_standard_tier_by_name_is_no_variant() -> None:
    assert compiled({"input_mtok": ONE}, [Variant({"service_tier": "default"}, {})]).variants == ()


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        (Variant({"service_tier": "default"}, {"input_mtok": TWO}), "taken as standard"),
        (Variant({"service_tier": "flex", "speed": "fast"}, {}), "2 conditions"),
        (Variant({"speed": "fast"}, {}, Constraint(start_time=time(1), end_time=time(2))), "time of day"),
        (Variant({"speed": "fast"}, {"input_mtok": Decimal("0.0000000001")}), "whole number of nanodollars"),
    ],
)
def test_what_cannot_be_kept_is_an_error_that_names_the_model(variant: Variant, message: str) -> None:
    with pytest.raises(ValueError, match=f"p/m: .*{message}"):
        compiled({"input_mtok": ONE}, [variant])


def test_names_are_apart_from_patterns() -> None:
    model = compiled(
        {},
        match=Clause(
            any_of=[
                Clause(equals="One"),
                Clause(all_of=[Clause(starts_with="A"), Clause(any_of=[Clause(ends_with="B"), Clause(regex="C$")])]),
                Clause(equals="one"),
                Clause(contains="D"),
            ]
        ),
    )
    assert model.names == ("one",)
    assert model.patterns == (
        (("starts_with", "a"), ("ends_with", "b")),
        (("starts_with", "a"), ("regex", "C$")),
        (("contains", "d"),),
    )


@pytest.mark.parametrize(("clause", "message"), [(Clause(), "empty"), (Clause(regex="("), "unterminated|missing")])
def test_a_condition_that_can_never_be_checked_is_an_error(clause: Clause, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compiled({}, match=clause)
