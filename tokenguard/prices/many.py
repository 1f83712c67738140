"""Pricing very many calls: what was looked up for one is kept for those like it."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.prices import rates, terms
from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.charge import charge
from tokenguard.prices.data import Prices
from tokenguard.prices.rates import Unlisted
from tokenguard.records import Charge, Confidence, Context, Leg, Usage

_MILLION = 1_000_000
_MOST = 1_000
"""Kinds of calls that are kept."""


class _Plain(Struct, frozen=True):
    """Prices of a kind of call that are rates and nothing else, whatever the time of day."""

    prices: Prices
    confidence: Confidence
    marks: tuple[str, ...]


class Many:
    """`prices.charge` of one leg, as often as it is asked for. Its answers are the same."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._kinds: dict[tuple[str, str, Context, int], _Plain | None] = {}

    def charge(self, provider: str, leg: Leg, at_us: int) -> Charge:
        """What the leg cost at that instant."""
        usage = leg.usage
        if leg.billed and leg.cost_nanos is None and not leg.fees:
            plain = self._plain(provider, leg.model, leg.context, at_us)
            nanos = None if plain is None else _nanos(plain.prices, usage)
            if plain is not None and nanos is not None:
                saved = 0
                if usage.prompt != usage.input:
                    full = _nanos(plain.prices, Usage(usage.prompt, output=usage.output))
                    saved = 0 if full is None else full - nanos
                return Charge(nanos, plain.confidence, plain.marks, (nanos,), leg_saved=(saved,))
        return charge(self._catalogue, provider, (leg,), at_us)

    def _plain(self, provider: str, model: str, context: Context, at_us: int) -> _Plain | None:
        kind = (provider, model, context, self._catalogue.period(at_us))
        try:
            return self._kinds[kind]
        except KeyError:
            if len(self._kinds) >= _MOST:
                self._kinds.clear()
            plain = self._kinds[kind] = self._find(provider, model, context, at_us)
            return plain

    def _find(self, provider: str, model: str, context: Context, at_us: int) -> _Plain | None:
        found = self._catalogue.find(provider, model)
        if found is None or found.local:
            return None
        try:
            listed = rates.listed(found, context, at_us)
        except Unlisted:
            return None
        daily = any(dated.daily for dated in (listed, *found.model.prices))
        besides = listed.fees.get("request") or rates.uncounted_unit(listed) is not None or not listed.bands
        if daily or besides or terms.region_factor(found.owner, context.geo) != (1, 1):
            return None
        marks = (f"alias:{found.model.id}",) if found.alias else ()
        confidence = Confidence.ESTIMATED if found.alias else Confidence.EXACT
        return _Plain(listed, confidence, (*marks, "own-price") if listed.own else marks)


def _nanos(prices: Prices, usage: Usage) -> int | None:
    """Rounded half up; None where a rate has to be derived."""
    total = rates.tokens_cost(rates.band_of(prices, usage.prompt), usage)
    return None if total is None else (2 * total + _MILLION) // (2 * _MILLION)
