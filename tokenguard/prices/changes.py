"""What differs between two catalogues: shown before one replaces the other."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.data import Model


class Changes(Struct, frozen=True):
    """Models as `provider/model`, sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unpriced: tuple[str, ...] = ()
    """Had a price, and have none any more."""
    repriced: tuple[str, ...] = ()
    """Prices differ, now or at some date."""
    renamed: tuple[str, ...] = ()
    """Prices are the same, but the names by which the model is recognised or its window differ."""


def changes(old: Catalogue, new: Catalogue) -> Changes:
    """What the new catalogue changes."""
    before, after = _models(old), _models(new)
    both = sorted(before.keys() & after.keys())
    unpriced = [name for name in both if _is_priced(before[name]) and not _is_priced(after[name])]
    differing = {name for name in both if _prices(before[name]) != _prices(after[name])}
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        unpriced=tuple(unpriced),
        repriced=tuple(sorted(differing.difference(unpriced))),
        renamed=tuple(name for name in both if name not in differing and before[name] != after[name]),
    )


def _is_priced(model: Model) -> bool:
    return any(prices.bands for prices in model.prices)


def _models(catalogue: Catalogue) -> dict[str, Model]:
    providers = catalogue.providers.values()
    return {f"{provider.id}/{model.id}": model for provider in providers for model in provider.models}


def _prices(model: Model) -> tuple[object, ...]:
    return model.prices, model.variants
