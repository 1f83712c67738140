"""What a call costs: each leg by its listed price, or else by a bound that is never zero.

A leg is rounded once, half up, to whole nanodollars; a bound is rounded up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from tokenguard.prices import rates, terms
from tokenguard.prices.catalogue import Catalogue
from tokenguard.prices.ceiling import REGION_PREMIUM, ceiling, scope_of
from tokenguard.prices.data import Found, Prices
from tokenguard.prices.rates import Unlisted
from tokenguard.records import Charge, Confidence, Context, Leg, Usage

_MILLION = 1_000_000
_LONGEST_MARK = 120
"""Marks quote words of responses, which can be anything."""
_LOCAL = Charge(0, marks=("local-host",))


def cost(catalogue: Catalogue, provider: str, leg: Leg, at_us: int) -> Charge | None:
    """The cost of a leg by the provider's own figure or its listed prices; None if those do not tell it.

    It is not exact, and marked, where something had to be derived: `alias:...` (priced as the newest of a family),
    `rule:cache-write` (by Anthropic's multiples of input), `no-rate:cache-read` (as input), or may be less:
    `free-allowance`. `own-price` and `local-host` tell that the price is the user's own, or none because the provider
    is on this machine. All tokens are priced as text: a meter marks its reading where they are not.
    """
    try:
        return _by_list(catalogue.find(provider, leg.model), leg, at_us)
    except Unlisted:
        return None


def bound(catalogue: Catalogue, provider: str, leg: Leg, at_us: int) -> Charge:
    """The worst case for a leg, marked with why its cost is not known.

    Never zero if it has billed tokens or fees, except on this machine, or if the user's own price is.
    """
    if not leg.billed or leg.cost_nanos is not None:
        return _fixed(leg)
    found = catalogue.find(provider, leg.model)
    if found is not None and found.local:
        return _LOCAL
    mark = _why_unlisted(found, leg, at_us)
    scope = scope_of(leg.context)
    dearest = ceiling((found,), at_us, scope, leg.usage.prompt) if found else None
    if dearest is None:
        dearest, mark = catalogue.ceiling(provider, leg.model, at_us, scope)
    fees = dearest.fees.get("request", 0)
    for counted, count in leg.fees:
        if (fee := terms.fee_of(leg.model, counted)) is not None:
            fees += count * (dearest.fees.get(fee) or catalogue.dearest_fee(fee))
    owner = found.owner if found else provider
    factor, divisor = terms.region_factor(owner, leg.context.geo) or REGION_PREMIUM
    nanos = -(-(dearest.tokens_cost(leg.usage) * factor + fees * divisor) // (divisor * _MILLION))
    return Charge(nanos, Confidence.BOUND, (mark[:_LONGEST_MARK],))


def charge(catalogue: Catalogue, provider: str, legs: Iterable[Leg], at_us: int) -> Charge:
    """The cost of a whole call: every leg by `cost`, or else by `bound`; as trustworthy as its worst leg."""
    confidence = Confidence.EXACT
    marks: dict[str, None] = {}
    nanos: list[int] = []
    saved: list[int] = []
    for leg in legs:
        listed = cost(catalogue, provider, leg, at_us)
        priced = listed or bound(catalogue, provider, leg, at_us)
        nanos.append(priced.nanos)
        saved.append(_saved(catalogue, provider, leg, at_us, listed))
        confidence = confidence.worst(priced.confidence)
        marks.update(dict.fromkeys(priced.marks))
    return Charge(sum(nanos), confidence, tuple(marks), tuple(nanos), leg_saved=tuple(saved))


def _saved(catalogue: Catalogue, provider: str, leg: Leg, at_us: int, listed: Charge | None) -> int:
    """What a leg would have cost more by the list if no part of its prompt had been read from a cache, or written.

    `listed` is its cost, if it has one. Nothing where no price is listed.
    """
    usage = leg.usage
    if not leg.billed or listed is None or usage.prompt == usage.input:
        return 0
    without = Leg(leg.model, Usage(usage.prompt, output=usage.output), leg.kind, leg.context, leg.fees)
    full = cost(catalogue, provider, without, at_us)
    if leg.cost_nanos is not None:
        listed = cost(catalogue, provider, replace(leg, cost_nanos=None), at_us)
    return 0 if full is None or listed is None else full.nanos - listed.nanos


def _fixed(leg: Leg) -> Charge:
    """Nothing for what is not billed, and the provider's own figure before any of ours."""
    return Charge(leg.cost_nanos or 0 if leg.billed else 0)


def nanos_of(
    catalogue: Catalogue, provider: str, model: str, context: Context, usages: Iterable[Usage], at_us: int
) -> list[int]:
    """What a leg costs with each of these usages, as `charge` tells it, in nanodollars."""
    found = catalogue.find(provider, model)
    try:
        tariff = None if found is None or found.local else _tariff(found, context, at_us)
    except Unlisted:
        tariff = None
    nanos: list[int] = []
    for usage in usages:
        leg = Leg(model, usage, context=context)
        try:
            if tariff is not None:
                nanos.append(_by_tariff(tariff, leg).nanos)
                continue
        except Unlisted:
            pass
        nanos.append(bound(catalogue, provider, leg, at_us).nanos)
    return nanos


class _Tariff(NamedTuple):
    """What a model's prices are for a call."""

    found: Found
    prices: Prices
    factor: tuple[int, int]
    """Of a region: numerator and denominator."""


def _tariff(found: Found, context: Context, at_us: int) -> _Tariff:
    """The listed prices. Raises `Unlisted`."""
    prices = rates.listed(found, context, at_us)
    factor = terms.region_factor(found.owner, context.geo)
    if factor is None:
        raise Unlisted(f"unknown-region:{context.geo}")
    if (unit := rates.uncounted_unit(prices)) is not None:
        raise Unlisted(f"uncounted-unit:{unit}")
    if not prices.bands:
        raise Unlisted("unpriced-model")
    return _Tariff(found, prices, factor)


def _by_list(found: Found | None, leg: Leg, at_us: int) -> Charge:
    """The cost of a leg by listed prices. Raises `Unlisted`."""
    if not leg.billed or leg.cost_nanos is not None:
        return _fixed(leg)
    if found is None:
        raise Unlisted("unknown-model")
    if found.local:
        return _LOCAL
    return _by_tariff(_tariff(found, leg.context, at_us), leg)


def _by_tariff(tariff: _Tariff, leg: Leg) -> Charge:
    """The cost of a leg that is billed. Raises `Unlisted`."""
    found, prices, factor = tariff
    tokens, confidence, marks = _tokens(found, prices, leg.usage)
    fees = _fees(prices, leg)
    if found.alias:
        confidence = confidence.worst(Confidence.ESTIMATED)
        marks += (f"alias:{found.model.id}",)
    if fees and found.owner in terms.HAS_ALLOWANCE:
        confidence = Confidence.BOUND
        marks += ("free-allowance",)
    if prices.own:
        marks += ("own-price",)
    numerator, denominator = tokens * factor[0] + fees * factor[1], _MILLION * factor[1]
    return Charge((2 * numerator + denominator) // (2 * denominator), confidence, marks)


def _why_unlisted(found: Found | None, leg: Leg, at_us: int) -> str:
    try:
        _by_list(found, leg, at_us)
    except Unlisted as reason:
        return str(reason)
    return "worst-case"


def _fees(prices: Prices, leg: Leg) -> int:
    """Fees in millionths of nanodollars. Raises `Unlisted`."""
    total = prices.fees.get("request", 0)
    for counted, count in leg.fees:
        if count and (fee := terms.fee_of(leg.model, counted)) is not None:
            if fee not in prices.fees:
                raise Unlisted(f"unknown-fee:{counted}")
            total += count * prices.fees[fee]
    return total


def _tokens(found: Found, prices: Prices, usage: Usage) -> tuple[int, Confidence, tuple[str, ...]]:
    """Tokens in millionths of nanodollars, by listed rates or the rules for missing ones. Raises `Unlisted`."""
    band = rates.band_of(prices, usage.prompt)
    total = rates.tokens_cost(band, usage)
    if total is not None:
        return total, Confidence.EXACT, ()
    band = rates.with_claude_writes(band, found.model.id)
    total = rates.tokens_cost(band, usage)
    if total is not None:
        return total, Confidence.ESTIMATED, ("rule:cache-write",)
    total = rates.tokens_cost(rates.with_full_reads(band), usage)
    if total is not None:
        return total, Confidence.BOUND, ("no-rate:cache-read",)
    raise Unlisted("no-rate")
