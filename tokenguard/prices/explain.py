"""The prices of a model, laid out for people: what `tokenguard prices show` prints."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tokenguard.prices import rates
from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.ceiling import Scope
from tokenguard.prices.data import Band, Model, Prices, Source


class Line(Struct, frozen=True):
    """Prices under one condition, in nanodollars per million units; `prices` says since when and at what hours."""

    when: str
    """`standard`, or a condition such as `tier batch`, `speed fast`; `bound` if nothing is listed."""
    prices: Prices
    begun: bool = True
    """False for prices that are announced for later."""


class Explanation(Struct, frozen=True):
    """What is known of a model's price at an instant."""

    provider: str
    """Id of the provider in whose list the model stands; empty if it stands in none."""
    model: str
    """Its id there, or the name that was asked for."""
    source: Source
    lines: tuple[Line, ...]
    window: int | None = None
    mark: str = ""
    """Why it is priced as another, such as `unknown-model:priced-as=claude-opus-5`; empty if it is not."""


def explain(catalogue: Catalogue, provider: str, model: str, at_us: int) -> Explanation:
    """The listed prices of a model that hold on that day or later; for one without any, what bounds it."""
    found = catalogue.find(provider, model)
    lines = tuple(_lines(found.model, at_us)) if found else ()
    if found is not None and any(line.begun and line.prices.bands for line in lines):
        return Explanation(found.owner, found.model.id, catalogue.source, lines, found.model.window)
    dearest, mark = catalogue.ceiling(provider, model, at_us, Scope())
    band = Band(0, dearest.input, dearest.output, dearest.cache_read, dearest.cache_write_5m, dearest.cache_write_1h)
    bound = Line("bound", Prices(bands=(band,), fees=dearest.fees))
    return Explanation("", model, catalogue.source, (bound,), mark=mark or "unpriced-model")


def _lines(model: Model, at_us: int) -> Iterator[Line]:
    conditions = [("standard", model.prices)]
    conditions += [(f"{variant.when} {variant.value}", variant.prices) for variant in model.variants]
    for when, dated in conditions:
        for prices in rates.on_that_day(dated, at_us):
            yield Line(when, prices)
        for prices in dated:
            if prices.since_us is not None and prices.since_us > at_us:
                yield Line(when, prices, begun=False)
