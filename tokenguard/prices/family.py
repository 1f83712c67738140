"""The nearest relatives of a model without a price: theirs bound it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tokenguard.prices import rates
from tokenguard.prices.data import Found, Model, Provider
from tokenguard.prices.match import holds

_WORDS = re.compile(r"[a-z]+")
_NOISE = frozenset({"beta", "exp", "experimental", "latest", "preview", "v"})
_SURROUNDINGS = re.compile(r"^(?:\w+\.)*(?=[a-z]+-)|-v\d+(?::\d+)?$")
"""What Bedrock puts around a model's name: `us.anthropic.`, `-v1:0`."""

_SMALLEST_FAMILY = 3
_AGENT_WINDOW = 128_000


def pool(providers: Mapping[str, Provider], seller: Provider) -> list[Found]:
    """All models that a provider sells: its own, and those that it resells at another's price."""
    found = [Found(seller.id, model, True) for model in seller.models]
    for id in seller.fallbacks:
        if id in providers:
            found += [Found(id, model, False) for model in providers[id].models]
    return found


def makers(providers: Mapping[str, Provider], name: str) -> list[Provider]:
    """The providers whose own models are named like that."""
    bare = bare_name(name)
    return [provider for provider in providers.values() if any(holds(pattern, bare) for pattern in provider.speaks)]


def bare_name(name: str) -> str:
    """A model's own name in lower case, without a path before it."""
    return _SURROUNDINGS.sub("", name.strip().lower().rpartition("/")[2])


def relatives(candidates: Sequence[Found], name: str) -> Iterator[Sequence[Found]]:
    """Candidates by how many leading words of their names they share with a name, nearest first.

    Versions and dates do not count: `claude-opus-5-5` is (claude, opus). Namesakes without a further word are nearest:
    an unknown `gpt-9` is a `gpt-5.5` sooner than a `gpt-5.5-pro`. A name with a new word in it may well be dearer than
    the one or two models that share its other words: those are no family.
    """
    named = words(name)
    families = [(words(found.model.id), found) for found in candidates]
    yield for_agents([found for family, found in families if family == named])
    for length in range(len(named), 0, -1):
        sharing = [found for family, found in families if family[:length] == named[:length]]
        if length == len(named) or len(sharing) >= _SMALLEST_FAMILY:
            yield for_agents(sharing)


def for_agents(candidates: Sequence[Found]) -> Sequence[Found]:
    """Those that coding agents can work with, which live on prompt caching and long contexts; all, if none can.

    This leaves out oddities that would make a bound absurd: o1-pro at $600 per million tokens of output, speech models.
    """
    return [found for found in candidates if _suits_agents(found.model)] or candidates


def words(name: str) -> tuple[str, ...]:
    """What a model's name says besides versions and dates: `claude-opus-5-5` is (claude, opus)."""
    return tuple(word for word in _WORDS.findall(bare_name(name)) if word not in _NOISE)


def _suits_agents(model: Model) -> bool:
    if any(rates.uncounted_unit(prices) for prices in model.prices):
        return False
    caches = any(band.cache_read is not None for prices in model.prices for band in prices.bands)
    return caches and model.window is not None and model.window >= _AGENT_WINDOW
