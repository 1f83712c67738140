"""What a user's configuration says of prices: own ones for some models, and whose API is at which address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.prices.data import Band, Found, Model, Prices, Variant

_WILDCARDS = frozenset("*?")


class Override(Struct, frozen=True):
    """Prices that the user gives for models of a provider."""

    provider: str
    """A provider's name, or its id in the catalogue: that holds under every name by which it is reached."""
    model: str
    """A name in lower case, or a glob with `*` and `?`."""
    prices: tuple[Prices, ...]
    """Dated, all of them `own`; before the first one the list goes on to hold."""
    variants: tuple[Variant, ...] = ()


class Own(Struct, frozen=True):
    """What holds on top of the list."""

    overrides: tuple[Override, ...] = ()
    sellers: dict[str, str] = {}
    """Ids of listed providers, by names that the list does not know."""
    local: frozenset[str] = frozenset()
    """Names of providers that are on this machine."""


def overridden(
    overrides: Iterable[Override], provider: str, seller: str | None, names: Sequence[str], listed: Found | None
) -> Found | None:
    """A model with the user's price; None if there is none for it.

    It is meant by one of `names` (its spellings, as it was asked for first), or by what it is called in the list. An
    entry for the provider's name comes before one for its id (`seller`), an exact name before a glob, and of globs the
    first one. Tiers and fees that the entry does not name keep their listed price.
    """
    ours = [override for override in overrides if override.provider in (provider, seller)]
    ours.sort(key=lambda override: (override.provider != provider, _is_glob(override.model)))
    for override in ours:
        if _means(override.model, names, listed.model if listed else None):
            return _applied(override, listed or Found(seller or provider, Model(names[0]), own=True))
    return None


def local_model(provider: str, model: str) -> Found:
    """Any model of a provider that is on this machine: free."""
    nothing = Prices(bands=(Band(0, 0, 0, 0, 0, 0),), own=True)
    return Found(provider, Model(model, prices=(nothing,)), own=True, local=True)


def _is_glob(model: str) -> bool:
    return not _WILDCARDS.isdisjoint(model)


def _means(written: str, names: Sequence[str], listed: Model | None) -> bool:
    """Other names of a listed model count only where they are whole: `gpt-4o-*` may fit one that says nothing of it."""
    if _is_glob(written):
        return any(_glob(written).match(name) for name in (*names, *([listed.id] if listed else [])))
    return written in names or (listed is not None and written in (listed.id, *listed.names))


def _applied(override: Override, found: Found) -> Found:
    model = found.model
    fees = model.prices[-1].fees if model.prices else {}
    variants = {(variant.when, variant.value): variant.prices for variant in model.variants if found.own}
    for variant in override.variants:
        kind = (variant.when, variant.value)
        variants[kind] = (*variants.get(kind, ()), *_with_fees(variant.prices, fees))
    return replace(
        found,
        own=True,
        model=replace(
            model,
            prices=(*model.prices, *_with_fees(override.prices, fees)),
            variants=tuple(Variant(*kind, prices) for kind, prices in variants.items()),
        ),
    )


def _with_fees(dated: Iterable[Prices], fees: dict[str, int]) -> tuple[Prices, ...]:
    return tuple(replace(prices, fees=fees | prices.fees) for prices in dated)


@lru_cache(256)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
