"""The shapes of genai-prices' data, as far as tokenguard reads them: its Python objects, and its published JSON.

Amounts are dollars per million tokens (`*_mtok`), per thousand events (`*_kcount`), per hour and so on.
"""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import cast

import msgspec
from msgspec import Struct, field


class Clause(Struct, frozen=True, forbid_unknown_fields=True):
    """A condition on a name: exactly one field is set."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any_of: list[Clause] | None = field(name="or", default=None)
    all_of: list[Clause] | None = field(name="and", default=None)


class Step(Struct, frozen=True):
    """A price that the whole request has once its prompt exceeds `start` tokens."""

    start: int
    price: Decimal


class Tiered(Struct, frozen=True):
    """A price that depends on the length of the prompt."""

    base: Decimal
    tiers: list[Step]


class Constraint(Struct, frozen=True, forbid_unknown_fields=True):
    """When a price holds: from a date on, or daily from a time until another. All in UTC."""

    start_date: date | None = None
    start_time: time | None = None
    end_time: time | None = None


Amounts = dict[str, Decimal | Tiered | None]


class Conditional(Struct, frozen=True):
    """Prices under a constraint; in a list, the last one that holds counts."""

    prices: Amounts
    constraint: Constraint | None = None


class Variant(Struct, frozen=True):
    """Prices that replace the standard ones, key by key, for requests of a certain kind."""

    when: dict[str, str]
    prices: Amounts
    constraint: Constraint | None = None


class Model(Struct, frozen=True):
    """A model of a provider."""

    id: str
    match: Clause
    prices: Amounts | list[Conditional]
    context_window: int | None = None
    price_variants: list[Variant] | None = None


class Provider(Struct, frozen=True):
    """A provider with its models, in the order in which they are tried."""

    id: str
    api_pattern: str
    models: list[Model]
    model_match: Clause | None = None
    fallback_model_providers: list[str] | None = None


def from_json(data: bytes) -> list[Provider]:
    """Read the published `data.json`. Raises `msgspec.DecodeError`."""
    return msgspec.json.decode(data, type=list[Provider])


def from_objects(providers: object) -> list[Provider]:
    """Read the objects of `genai_prices.data.providers`. Raises `msgspec.ValidationError`."""
    return msgspec.convert(_plain(providers), list[Provider])


def _plain(value: object) -> object:
    """Objects as the published JSON has them: `or_` is spelled `or`, what is absent is left out."""
    if isinstance(value, list):
        return [_plain(item) for item in cast(list[object], value)]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in cast(dict[str, object], value).items()}
    if hasattr(value, "__dict__"):
        return {
            name.rstrip("_"): _plain(item)
            for name, item in vars(value).items()
            if item is not None and not name.startswith("_")
        }
    return value
