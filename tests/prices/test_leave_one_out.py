"""How well relatives bound a model that the list has not: each is taken out of the list in its turn."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from fractions import Fraction

from msgspec.structs import replace

from tokenguard.prices import Catalogue
from tokenguard.prices.ceiling import Scope
from tokenguard.prices.data import Band, Model
from tokenguard.prices.rates import in_force

AT = 1_795_262_400_000_000
"""2026-11-21, 12:00 UTC."""
MAKERS = ("anthropic", "deepseek", "google", "mistral", "moonshotai", "openai", "x-ai")


def for_agents(catalogue: Catalogue) -> Iterator[tuple[str, Model, Band]]:
    """The makers' own models that can cache and have a long window, with their standard rates."""
    for maker in MAKERS:
        for model in catalogue.providers[maker].models:
            prices = in_force(model.prices, AT)
            if prices and prices.bands and prices.bands[-1].cache_read and (model.window or 0) >= 128_000:
                yield maker, model, prices.bands[0]


def without(catalogue: Catalogue, maker: str, model: Model) -> Catalogue:
    data = catalogue.data
    providers = [
        replace(seller, models=tuple(one for one in seller.models if one.id != model.id))
        if seller.id == maker
        else seller
        for seller in data.providers
    ]
    return Catalogue(replace(data, providers=tuple(providers)))


def test_relatives_bound_most_models_and_not_absurdly(catalogue: Catalogue) -> None:
    ratios: list[Fraction] = []
    for maker, model, band in for_agents(catalogue):
        rest = without(catalogue, maker, model)
        if rest.find(maker, model.id) is None and band.input and band.output:
            found, mark = rest.ceiling(maker, model.id, AT, Scope(None, None))
            assert mark.startswith("unknown-model:priced-as=")
            ratios.append(min(Fraction(found.input, band.input), Fraction(found.output, band.output)))
    assert len(ratios) >= 100
    assert sum(ratio < 1 for ratio in ratios) <= 0.2 * len(ratios)
    assert statistics.median(ratios) <= 2.5
