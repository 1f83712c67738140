"""The dearest rates that may apply: for reservations, and for what has no listed price.

Everything here errs upwards. Rates of several models, tiers and prompt lengths are merged bucket by bucket, so that the
result bounds each of them whatever the mix of tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from tokenguard.prices import rates, terms
from tokenguard.prices.data import Band, Found, Prices
from tokenguard.records import Context, Usage

ANY = "*"
"""For a tier or speed that is not known yet: whatever is listed may apply."""

TIER_PREMIUM = 6
"""Bounds an unlisted service tier: `ultrafast` of gpt-6-astra and gpt-6.1-sol costs six times the standard price."""

SPEED_PREMIUM = 6
"""Bounds an unlisted speed: fast Opus 4.6 and 4.7 cost six times the standard price."""

REGION_PREMIUM = (2, 1)
"""Bounds an unlisted region: the only listed one costs 1.1 times the price anywhere."""


class Scope(Struct, frozen=True):
    """Which tiers and speeds are in question: None is the standard one, `ANY` all of them."""

    tier: str | None = ANY
    speed: str | None = ANY


class Ceiling(Struct, frozen=True):
    """Merged rates, in nanodollars per million units; unlisted reads cost like input, writes by Anthropic's rule."""

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    prompt: int
    """The dearest listed rate for any token of a prompt, be it sent, read from a cache or written to one."""
    fees: dict[str, int]
    model: str
    """The dearest of the models, by output."""

    def tokens_cost(self, usage: Usage) -> int:
        """Tokens times rates, in millionths of nanodollars."""
        return (
            usage.input * self.input
            + usage.cache_read * self.cache_read
            + usage.cache_write_5m * self.cache_write_5m
            + usage.cache_write_1h * self.cache_write_1h
            + usage.output * self.output
        )


def scope_of(context: Context) -> Scope:
    """The tier and speed at which a call was served."""
    return Scope(terms.tier_of(context.tier), terms.speed_of(context.speed))


def ceiling(candidates: Iterable[Found], at_us: int, scope: Scope, prompt: int | None = None) -> Ceiling | None:
    """The dearest rates of those models on that day; for prompts of any length unless it is given, in tokens.

    None unless both input and output have a price, above zero if it is not the user's own.
    """
    merged, fees, label, dearest, own = Band(0), dict[str, int](), "", 0, True
    for found in candidates:
        for prices, premium in _applicable(found, at_us, scope):
            for band in prices.bands if prompt is None else (rates.band_of(prices, prompt),):
                full = _scaled(rates.with_claude_writes(_with_media(band, prices.media), found.model.id), premium)
                merged = _dearer(merged, full)
                if (full.output or 0) > dearest:
                    label, dearest = found.model.id, full.output or 0
            fees.update({name: max(rate, fees.get(name, 0)) for name, rate in prices.fees.items()})
            own = own and prices.own
    if merged.input is None or merged.output is None or not (own or merged.input and merged.output):
        return None
    write_5m, write_1h = rates.claude_writes(merged.input)
    return Ceiling(
        input=merged.input,
        output=merged.output,
        cache_read=merged.input if merged.cache_read is None else merged.cache_read,
        cache_write_5m=max(write_5m, merged.cache_write_5m or 0),
        cache_write_1h=max(write_1h, merged.cache_write_1h or 0),
        prompt=_most(merged.input, merged.cache_read, merged.cache_write_5m, merged.cache_write_1h) or merged.input,
        fees=fees,
        model=label,
    )


def _applicable(found: Found, at_us: int, scope: Scope) -> Iterator[tuple[Prices, int]]:
    """Prices that may apply to a model, each with what to multiply it by for a tier or speed that is not listed."""
    premium = _premium(found, at_us, scope)
    for prices in rates.on_that_day(found.model.prices, at_us):
        yield prices, premium
    for variant in found.model.variants:
        asked = {"tier": scope.tier, "speed": scope.speed}.get(variant.when, ANY)
        if asked in (ANY, variant.value):
            for prices in rates.on_that_day(variant.prices, at_us):
                yield prices, premium


def _premium(found: Found, at_us: int, scope: Scope) -> int:
    """How much more an unlisted tier or speed may cost. No list says what a tier and a speed cost together."""
    fast = scope.speed not in (None, ANY)
    premium = 1
    if scope.tier not in (None, ANY, *terms.DISCOUNTED_TIERS) and (
        fast or not _lists(found, at_us, "tier", scope.tier)
    ):
        premium *= TIER_PREMIUM
    if fast and not _lists(found, at_us, "speed", scope.speed):
        premium *= SPEED_PREMIUM
    return premium


def _lists(found: Found, at_us: int, when: str, value: str | None) -> bool:
    return found.own and rates.in_force(rates.variant_of(found.model, when, value), at_us) is not None


def _with_media(band: Band, media: dict[str, int]) -> Band:
    """Rates that hold for sound and images, too: nothing tells how many of the tokens are."""
    if not media:
        return band
    output = [rate for unit, rate in media.items() if unit.startswith("output")]
    read = [rate for unit, rate in media.items() if unit.startswith("cache")]
    sent = [rate for unit, rate in media.items() if not unit.startswith(("cache", "output"))]
    return Band(
        band.above,
        _most(band.input, *sent),
        _most(band.output, *output),
        _most(band.cache_read, *read),
        band.cache_write_5m,
        band.cache_write_1h,
    )


def _scaled(band: Band, factor: int) -> Band:
    if factor == 1:
        return band
    return Band(band.above, *(None if rate is None else rate * factor for rate in _buckets(band)))


def _dearer(one: Band, other: Band) -> Band:
    return Band(0, *map(_most, _buckets(one), _buckets(other)))


def _buckets(band: Band) -> tuple[int | None, ...]:
    return band.input, band.output, band.cache_read, band.cache_write_5m, band.cache_write_1h


def _most(*listed: int | None) -> int | None:
    return max((rate for rate in listed if rate is not None), default=None)
