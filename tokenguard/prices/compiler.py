"""From genai-prices' data to the catalogue that ships: values in, bytes out, the same bytes for the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain, product

import msgspec
from msgspec import Raw

from tokenguard.prices import published, terms
from tokenguard.prices.amounts import prices_of
from tokenguard.prices.data import FORMAT, Model, Pattern, Source, Variant


def compile_catalogue(providers: Sequence[published.Provider], source: Source) -> bytes:
    """The catalogue as JSON, one model a line.

    Raises `ValueError`, naming the model, if an amount or a condition cannot be kept as it is.
    """
    lines = _lines([_provider(provider) for provider in providers])
    return msgspec.json.encode({"format": FORMAT, "source": source, "providers": lines}) + b"\n"


def _lines(items: Sequence[bytes]) -> Raw:
    return Raw(b"[\n" + b",\n".join(items) + b"\n]")


def _provider(provider: published.Provider) -> bytes:
    re.compile(provider.api_pattern)
    return msgspec.json.encode(
        {
            "id": provider.id,
            "api": provider.api_pattern,
            "speaks": _alternatives(provider.model_match) if provider.model_match else [],
            "fallbacks": provider.fallback_model_providers or [],
            "models": _lines([msgspec.json.encode(_model(provider.id, model)) for model in provider.models]),
        }
    )


def _model(provider: str, model: published.Model) -> Model:
    try:
        alternatives = _alternatives(model.match)
        standard = _standard(model.prices)
        return Model(
            id=model.id,
            names=tuple(dict.fromkeys(p[0][1] for p in alternatives if _is_name(p))),
            patterns=tuple(p for p in alternatives if not _is_name(p)),
            window=model.context_window,
            prices=tuple(map(prices_of, standard)) if any(entry.prices for entry in standard) else (),
            variants=_variants(standard, model.price_variants or []),
        )
    except (ValueError, re.error) as error:
        raise ValueError(f"{provider}/{model.id}: {error}") from error


def _is_name(pattern: Pattern) -> bool:
    return len(pattern) == 1 and pattern[0][0] == "equals"


def _alternatives(clause: published.Clause) -> list[Pattern]:
    """A clause as a list of patterns of which one must hold."""
    if clause.any_of is not None:
        return [pattern for part in clause.any_of for pattern in _alternatives(part)]
    if clause.all_of is not None:
        return [tuple(chain(*parts)) for parts in product(*map(_alternatives, clause.all_of))]
    if clause.regex is not None:
        re.compile(clause.regex)
        return [(("regex", clause.regex),)]
    for operator in ("equals", "starts_with", "ends_with", "contains"):
        text: str | None = getattr(clause, operator)
        if text is not None:
            return [((operator, text.lower()),)]
    raise ValueError("a match clause is empty")


def _standard(prices: published.Amounts | list[published.Conditional]) -> list[published.Conditional]:
    """Prices in their order, the first one without a constraint: it holds whenever no later one does."""
    if isinstance(prices, Mapping):
        return [published.Conditional(prices)]
    return [published.Conditional(entry.prices, entry.constraint if at else None) for at, entry in enumerate(prices)]


def _variants(standard: list[published.Conditional], variants: list[published.Variant]) -> tuple[Variant, ...]:
    """Variants with the standard prices that they leave alone filled in, for each span of time."""
    kinds: dict[tuple[str, str], list[published.Variant]] = {}
    for variant in variants:
        if (kind := _kind(variant)) is not None:
            kinds.setdefault(kind, []).append(variant)
    return tuple(
        Variant(*kind, prices=tuple(map(prices_of, _resolved(standard, entries)))) for kind, entries in kinds.items()
    )


def _kind(variant: published.Variant) -> tuple[str, str] | None:
    """What selects the variant; None if it is the standard price by another name."""
    if len(variant.when) != 1:
        raise ValueError(f"a price variant has {len(variant.when)} conditions, not one")
    ((key, value),) = variant.when.items()
    if key == "service_tier" and terms.tier_of(value) is None:
        if variant.prices:
            raise ValueError(f"the tier {value!r} is taken as standard, but has prices of its own")
        return None
    return {"service_tier": "tier", "processing": "tier"}.get(key, key), value


def _resolved(standard: list[published.Conditional], variants: list[published.Variant]) -> list[published.Conditional]:
    """The whole prices of a variant from each date on at which any of them changes, from its first date on."""
    constraints = [*(entry.constraint for entry in standard), *(variant.constraint for variant in variants)]
    starts = {_start(constraint) for constraint in constraints}
    resolved: list[published.Conditional] = []
    for start in sorted(starts):
        active = [variant for variant in variants if _start(variant.constraint) <= start]
        if not active:
            continue
        base = [entry for entry in standard if _start(entry.constraint) <= start][-1]
        prices = dict(base.prices)
        for variant in reversed(active):
            prices.update({key: price for key, price in variant.prices.items() if price is not None})
        if not resolved or resolved[-1].prices != prices:
            since = published.Constraint(start_date=start) if start != date.min else None
            resolved.append(published.Conditional(prices, since))
    return resolved


def _start(constraint: published.Constraint | None) -> date:
    if constraint is None:
        return date.min
    if constraint.start_date is None:
        raise ValueError("a price with variants depends on the time of day")
    return constraint.start_date
