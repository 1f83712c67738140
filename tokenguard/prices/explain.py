"""The prices of a model, laid out for people: what `tokenguard prices show` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.prices import family, rates
from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.ceiling import Scope
from tokenguard.prices.data import Band, Model, Prices, Source
from tokenguard.records import Confidence


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
    """Id of the provider in whose list the model stands, or whose model the user priced; empty if it is neither."""
    model: str
    """Its id there, or the name that was asked for."""
    source: Source
    """Of what is listed; prices that are the user's `own` say so."""
    lines: tuple[Line, ...]
    window: int | None = None
    confidence: Confidence = Confidence.EXACT
    """Of what is priced by these lines."""
    mark: str = ""
    """Why it is not exact, or free: `unknown-model:priced-as=claude-opus-5`, `alias:claude-opus-5-5`, `local-host`."""


def explain(catalogue: Catalogue, provider: str, model: str, at_us: int) -> Explanation:
    """The prices of a model that hold on that day or later; for one without any, what bounds it."""
    found = catalogue.find(provider, model)
    lines = tuple(_lines(found.model, at_us)) if found else ()
    if found is not None and any(line.begun and line.prices.bands for line in lines):
        known = Explanation(found.owner, found.model.id, catalogue.source, lines, found.model.window)
        if found.local:
            return replace(known, mark="local-host")
        if found.alias:
            return replace(known, confidence=Confidence.ESTIMATED, mark=f"alias:{found.model.id}")
        return known
    dearest, mark = catalogue.ceiling(provider, model, at_us, Scope())
    band = Band(0, dearest.input, dearest.output, dearest.cache_read, dearest.cache_write_5m, dearest.cache_write_1h)
    bound = Line("bound", Prices(bands=(band,), fees=dearest.fees))
    return Explanation(
        "", model, catalogue.source, (bound,), confidence=Confidence.BOUND, mark=mark or "unpriced-model"
    )


def sellers(catalogue: Catalogue, names: Iterable[str], model: str) -> list[str]:
    """Who sells a model: those whose price the user gave, its maker, and the others; `names` are those in use.

    For a model that nobody sells, who would make one of that name, or else the providers on this machine.
    """
    known = _names_by_id(catalogue, names)
    found = {name: catalogue.find(name, model) for name in dict.fromkeys((*names, *known.values()))}
    makers = [known[maker.id] for maker in family.makers(catalogue.providers, model)]
    own = [
        name for name, one in found.items() if one and not one.local and one.model.prices and one.model.prices[-1].own
    ]
    selling = [name for name in known.values() if found[name] is not None]
    made = [name for name in makers if found[name] is not None]
    local = [name for name, one in found.items() if one and one.local]
    return list(dict.fromkeys((*own, *made, *selling))) or makers or local


def _names_by_id(catalogue: Catalogue, names: Iterable[str]) -> dict[str, str]:
    """What each listed provider is called: by its id where that is one of the names, else by the first of its names."""
    known = dict[str, str]()
    for name in names:
        seller = catalogue.provider(name)
        if seller is not None and (seller.id not in known or name == seller.id):
            known[seller.id] = name
    return known | {id: id for id in catalogue.providers if id not in known}


def _lines(model: Model, at_us: int) -> Iterator[Line]:
    conditions = [("standard", model.prices)]
    conditions += [(f"{variant.when} {variant.value}", variant.prices) for variant in model.variants]
    for when, dated in conditions:
        for prices in rates.on_that_day(dated, at_us):
            yield Line(when, prices)
        for prices in dated:
            if prices.since_us is not None and prices.since_us > at_us:
                yield Line(when, prices, begun=False)
