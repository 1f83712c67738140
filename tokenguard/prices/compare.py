"""What the same work would have cost otherwise: on the next model down, or with a shorter prompt.

All by listed prices, of many calls at once: their tokens are summed up, and the rates are those of a call with a prompt
of a given length. Nothing is guessed: where the list does not tell, there is no answer.
"""

from __future__ import annotations

import re

from tokenguard.prices import family, rates
from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.data import Band, Found, Prices
from tokenguard.records import Usage

_MILLION = 1_000_000
_VERSION = re.compile(r"\d{1,2}(?:[.-]\d{1,2}(?!\d))?(?!\d)")
_APART = frozenset({"audio", "batch", "free", "image", "live", "multi", "realtime", "research", "robotics", "search"})
"""Words in the names of models that are for something else, or sold under other terms."""
_DATE = re.compile(r"[-@]?20\d{6}|[-@]?20\d\d-\d\d-\d\d|-\d{4}$")


def band(catalogue: Catalogue, provider: str, model: str, prompt: int, at_us: int) -> Band | None:
    """The rates of a whole call of a model with a prompt of so many tokens; None where none are listed."""
    prices = _prices(catalogue.find(provider, model), at_us)
    return rates.band_of(prices, prompt) if prices is not None and prices.bands else None


def cliffs(catalogue: Catalogue, provider: str, model: str, at_us: int) -> tuple[int, ...]:
    """Lengths of prompts, in tokens, above which the whole call costs more, ascending."""
    prices = _prices(catalogue.find(provider, model), at_us)
    return tuple(one.above for one in prices.bands if one.above) if prices is not None else ()


def nanos(band: Band, usage: Usage) -> int | None:
    """What the tokens of calls cost at these rates, in nanodollars, rounded half up; None if a rate is missing.

    A missing rate of cache writes is that of input, since whoever names none asks for none.
    """
    total = 0
    for count, rate in (
        (usage.input, band.input),
        (usage.cache_read, band.cache_read),
        (usage.cache_write_5m, band.cache_write_5m if band.cache_write_5m is not None else band.input),
        (usage.cache_write_1h, band.cache_write_1h if band.cache_write_1h is not None else band.input),
        (usage.output, band.output),
    ):
        if count:
            if rate is None:
                return None
            total += count * rate
    return (2 * total + _MILLION) // (2 * _MILLION)


def next_down(catalogue: Catalogue, provider: str, model: str, at_us: int) -> str | None:
    """The model below it at the same provider and of the same maker; None if there is none.

    Of each family (opus, sonnet, haiku) the newest one stands for it, if it is no older a generation than `model`. The
    dearest one is taken that suits agents, and whose input and output both cost at most three quarters of what those of
    `model` do, and of what those of the newest of its own family do.
    """
    found, seller = catalogue.find(provider, model), catalogue.provider(provider)
    limit = _rates(found, at_us)
    if found is None or limit is None or seller is None:
        return None
    own, generation = family.words(found.model.id), _version(found.model.id)[:1]
    newest: dict[tuple[str, ...], Found] = {}
    for other in family.for_agents(family.pool(catalogue.providers, seller)):
        name, version = family.words(other.model.id), _version(other.model.id)
        if name[:1] != own[:1] or version[:1] < generation or not _APART.isdisjoint(name):
            continue
        if name not in newest or _version(newest[name].model.id) < version:
            newest[name] = other
    if (latest := _rates(newest.pop(own, None), at_us)) is not None:
        limit = min(limit[0], latest[0]), min(limit[1], latest[1])
    cheaper = [
        (theirs, other.model.id)
        for other in newest.values()
        if (theirs := _rates(other, at_us)) is not None
        and all(4 * a <= 3 * b for a, b in zip(theirs, limit, strict=True))
    ]
    return max(cheaper)[1] if cheaper else None


def _rates(found: Found | None, at_us: int) -> tuple[int, int] | None:
    """Those of output and input, of a short prompt."""
    prices = _prices(found, at_us)
    first = rates.band_of(prices, 0) if prices is not None else None
    if first is None or first.output is None or first.input is None:
        return None
    return first.output, first.input


def _prices(found: Found | None, at_us: int) -> Prices | None:
    """Those of no special tier; None if there are none, or if they count more than tokens."""
    if found is None or found.local:
        return None
    prices = rates.in_force(found.model.prices, at_us)
    return prices if prices is not None and rates.uncounted_unit(prices) is None else None


def _version(model: str) -> tuple[int, ...]:
    """`claude-opus-5-5` is (5, 5), `gpt-5.4-mini` (5, 4); dates do not count."""
    found = _VERSION.search(_DATE.sub("", family.bare_name(model)))
    return tuple(int(part) for part in re.split(r"[.-]", found[0])) if found else ()
