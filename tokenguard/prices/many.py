"""Pricing very many calls: what was looked up for one is kept for those like it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

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

    def __init__(self, catalogue: Catalogue, at_best: Confidence = Confidence.EXACT) -> None:
        """`at_best` is how far a charge can be trusted whose tokens and price are known."""
        self._catalogue = catalogue
        self._at_best = at_best
        self._kinds: dict[tuple[str, str, Context, int], _Plain | None] = {}

    def charge(self, provider: str, leg: Leg, at_us: int) -> Charge:
        """What the leg cost at that instant."""
        if leg.billed and leg.cost_nanos is None and not leg.fees:
            plain = self._plain(provider, leg.model, leg.context, at_us)
            cost = None if plain is None else _cost(plain.prices, leg.usage)
            if plain is not None and cost is not None:
                nanos, saved = cost
                return Charge(nanos, plain.confidence, plain.marks, (nanos,), leg_saved=(saved,))
        charged = charge(self._catalogue, provider, (leg,), at_us)
        return charged if charged.confidence is not Confidence.EXACT else replace(charged, confidence=self._at_best)

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
        confidence = Confidence.ESTIMATED if found.alias else self._at_best
        return _Plain(listed, confidence, (*marks, "own-price") if listed.own else marks)


def _cost(prices: Prices, usage: Usage) -> tuple[int, int] | None:
    """What tokens cost, and what that is less than without a cache; None where a rate has to be derived."""
    prompt = usage.prompt
    band = rates.band_of(prices, prompt)
    total = rates.tokens_cost(band, usage)
    if total is None:
        return None
    nanos = _rounded(total)
    if prompt == usage.input or band.input is None:
        return nanos, 0
    return nanos, _rounded(prompt * band.input + usage.output * (band.output or 0)) - nanos


def _rounded(total: int) -> int:
    """Half up."""
    return (2 * total + _MILLION) // (2 * _MILLION)
