"""The price catalogue with its lookups, which are remembered: pricing a call must not search 2,000 models."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from tokenguard.errors import TokenguardError
from tokenguard.prices import family, terms
from tokenguard.prices.ceiling import Ceiling, Scope, ceiling
from tokenguard.prices.data import FORMAT, Data, Found, Model, Prices, Provider
from tokenguard.prices.match import Index, newest_claude, spellings
from tokenguard.prices.own import Own, local_model, overridden

_REMEMBERED = 1024
"""Lookups kept: far more than one machine needs, and a limit on what odd names can fill."""

_REMEDY = "run 'tokenguard prices update'"


def decode(data: bytes) -> Catalogue:
    """Read a compiled catalogue. Raises `TokenguardError` if it is damaged or of another format."""
    try:
        stored = msgspec.json.decode(data, type=Data)
    except msgspec.DecodeError as error:
        raise TokenguardError(f"the price catalogue is damaged: {error}", _REMEDY) from error
    if stored.format != FORMAT:
        raise TokenguardError(f"the price catalogue has format {stored.format}, not {FORMAT}", _REMEDY)
    return Catalogue(stored)


class Catalogue:
    """Prices by provider and model: the list, and what is the user's `own` on top of it. Its values never change."""

    def __init__(self, data: Data, own: Own | None = None) -> None:
        self.data = data
        self.own = own or Own()
        self.source = data.source
        self.providers = {provider.id: provider for provider in data.providers}
        self.find = lru_cache(_REMEMBERED)(self._find)
        self.dearest_fee = lru_cache(_REMEMBERED)(self._dearest_fee)
        self._ceiling_since = lru_cache(_REMEMBERED)(self._find_ceiling)
        self._index = lru_cache(None)(self._build_index)
        dated = [prices for provider in data.providers for model in provider.models for prices in all_prices(model)]
        ours = [prices for override in self.own.overrides for prices in override.prices]
        self._changes = sorted({prices.since_us for prices in (*dated, *ours) if prices.since_us is not None})
        self._fees = [(name, rate) for prices in dated for name, rate in prices.fees.items()]

    def provider(self, name: str) -> Provider | None:
        """A provider by tokenguard's name for it, by the user's, or by its id here."""
        id = terms.PROVIDERS.get(name, name)
        return self.providers.get(self.own.sellers.get(id, id))

    def is_listed(self, name: str) -> bool:
        """Whether the list itself knows a provider by that name."""
        return terms.PROVIDERS.get(name, name) in self.providers

    def owners(self, name: str) -> tuple[str, ...]:
        """Ids of those whose models a provider may sell: its own and whom it resells; everybody if it is not known."""
        seller = self.provider(name)
        ids = (seller.id, *seller.fallbacks) if seller is not None else self.providers
        return tuple(id for id in ids if id in self.providers)

    def provider_at(self, base_url: str) -> str | None:
        """Id of the provider whose API that is; None if it is nobody's that is known."""
        return next((p.id for p in self.providers.values() if re.match(p.api, base_url)), None)

    def ceiling(self, provider: str, model: str, at_us: int, scope: Scope) -> tuple[Ceiling, str]:
        """The dearest rates that may apply to a model, or to its nearest relatives if it has none.

        Also why it had to be relatives: `unknown-model:priced-as=claude-opus-5`, empty if they are the model's own.
        Nearest are the same family at the provider, then whatever agents use there, then the same at the maker of
        models of that name, then at any maker.
        """
        position = self.period(at_us)
        return self._ceiling_since(provider, model, self._changes[position - 1] if position else 0, scope)

    def period(self, at_us: int) -> int:
        """A number that all instants share between which no price changes, but by the time of day."""
        return bisect_right(self._changes, at_us)

    def _find(self, provider: str, model: str) -> Found | None:
        """The model that a provider, by any of its names, means by `model`; None if it is not known."""
        seller = self.provider(provider)
        names = list(spellings(model, {provider, *self.owners(provider)}))
        listed = self._find_listed(provider, seller, model, names) if seller is not None else None
        given = overridden(self.own.overrides, provider, seller.id if seller else None, names, listed)
        if given is None and provider in self.own.local:
            return local_model(provider, model)
        return given or listed

    def _find_listed(self, provider: str, seller: Provider, model: str, names: Sequence[str]) -> Found | None:
        owners = self.owners(provider)
        for name in names:
            for id in owners:
                if (named := self._index(id).find(name)) is not None:
                    return Found(id, named, id == seller.id)
        for id in owners:
            if id == "anthropic" and (newest := newest_claude(model, self.providers[id].models)) is not None:
                return Found(id, newest, id == seller.id, alias=True)
        return None

    def _find_ceiling(self, provider: str, model: str, since_us: int, scope: Scope) -> tuple[Ceiling, str]:
        found = self.find(provider, model)
        if found is not None and (own := ceiling((found,), since_us, scope)) is not None:
            return own, ""
        if self.provider(provider) is None:
            reason = "unknown-provider"
        else:
            reason = "unpriced-model" if found else "unknown-model"
        for candidates in self._nearest(provider, model):
            if (nearest := ceiling(candidates, since_us, scope)) is not None:
                return nearest, f"{reason}:priced-as={nearest.model}"
        raise TokenguardError("the price catalogue has no prices", _REMEDY)

    def _nearest(self, provider: str, model: str) -> Iterator[Sequence[Found]]:
        seller = self.provider(provider)
        if seller is not None:
            sold = family.pool(self.providers, seller)
            yield from family.relatives(sold, model)
            yield family.for_agents(sold)
        name = family.bare_name(model)
        for maker in family.makers(self.providers, name):
            if (found := self.find(maker.id, name)) is not None:
                yield (found,)
            yield from family.relatives(family.pool(self.providers, maker), name)
        everyone = [provider for provider in self.providers.values() if provider.speaks]
        made = [found for maker in everyone for found in family.pool(self.providers, maker)]
        yield family.for_agents(made)

    def _dearest_fee(self, name: str) -> int:
        """The dearest rate of a fee anywhere; of any fee, if none has that name."""
        named = [rate for fee, rate in self._fees if fee == name]
        return max(named or [rate for _, rate in self._fees], default=0)

    def _build_index(self, provider: str) -> Index:
        return Index(self.providers[provider].models)


def all_prices(model: Model) -> Iterator[Prices]:
    """The prices of a model at any tier and any time."""
    yield from model.prices
    for variant in model.variants:
        yield from variant.prices
