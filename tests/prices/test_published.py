"""genai-prices' objects and its published JSON are read alike."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import msgspec
import pytest
from genai_prices import types

from tokenguard.prices import published

MODELS = [
    types.ModelInfo(
        id="one",
        match=types.ClauseOr(
            or_=[
                types.ClauseEquals(equals="one"),
                types.ClauseAnd(and_=[types.ClauseStartsWith(starts_with="o"), types.ClauseRegex(regex="n.$")]),
            ]
        ),
        context_window=1000,
        prices=[
            types.ConditionalPrice(prices=types.ModelPrice(input_mtok=Decimal("0.1"))),
            types.ConditionalPrice(
                constraint=types.StartDateConstraint(start_date=date(2026, 3, 13)),
                prices=types.ModelPrice(
                    input_mtok=types.TieredPrices(
                        base=Decimal("0.1"), tiers=[types.Tier(start=5, price=Decimal("0.3"))]
                    ),
                    output_mtok=None,
                ),
            ),
            types.ConditionalPrice(
                constraint=types.TimeOfDateConstraint(start_time=time(1), end_time=time(2)),
                prices=types.ModelPrice(input_mtok=Decimal("0.2")),
            ),
        ],
        price_variants=[types.PriceVariant(when={"speed": "fast"}, prices=types.ModelPrice(input_mtok=Decimal("1")))],
    ),
    types.ModelInfo(id="two", match=types.ClauseContains(contains="2"), prices=types.ModelPrice()),
]
PROVIDER = types.Provider(
    id="somebody",
    name="Somebody",
    api_pattern="https://x",
    model_match=types.ClauseEndsWith(ends_with="e"),
    fallback_model_providers=["other"],
    models=MODELS,
)
JSON = b"""[{"id": "somebody", "name": "Somebody", "api_pattern": "https://x", "model_match": {"ends_with": "e"},
"fallback_model_providers": ["other"], "extractors": [{"ignored": true}], "models": [
{"id": "one", "match": {"or": [{"equals": "one"}, {"and": [{"starts_with": "o"}, {"regex": "n.$"}]}]},
 "context_window": 1000, "prices": [
  {"prices": {"input_mtok": 0.1}},
  {"constraint": {"start_date": "2026-03-13"},
   "prices": {"input_mtok": {"base": 0.1, "tiers": [{"start": 5, "price": 0.3}]}}},
  {"constraint": {"start_time": "01:00:00", "end_time": "02:00:00"}, "prices": {"input_mtok": 0.2}}],
 "price_variants": [{"when": {"speed": "fast"}, "prices": {"input_mtok": 1}}]},
{"id": "two", "match": {"contains": "2"}, "prices": {}}]}]"""


def test_objects_and_json_are_read_alike() -> None:
    assert published.from_objects([PROVIDER]) == published.from_json(JSON)


def test_amounts_in_json_are_exact() -> None:
    (provider,) = published.from_json(JSON)
    prices = provider.models[0].prices
    assert isinstance(prices, list)
    assert prices[0].prices == {"input_mtok": Decimal("0.1")}


@pytest.mark.parametrize("clause", ['{"sounds_like": "x"}', '{"equals": 1}', "[]"])
def test_an_unknown_condition_is_an_error(clause: str) -> None:
    data = f'[{{"id": "p", "api_pattern": "", "models": [{{"id": "m", "match": {clause}, "prices": {{}}}}]}}]'
    with pytest.raises(msgspec.ValidationError):
        published.from_json(data.encode())


def test_an_unknown_constraint_is_an_error() -> None:
    data = b"""[{"id": "p", "api_pattern": "", "models": [{"id": "m", "match": {"equals": "m"},
        "prices": [{"constraint": {"weekday": 1}, "prices": {}}]}]}]"""
    with pytest.raises(msgspec.ValidationError):
        published.from_json(data)
