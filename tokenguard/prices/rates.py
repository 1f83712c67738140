"""Which of a model's prices apply to a call."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tokenguard.prices import terms
from tokenguard.prices.data import Band, Found, Model, Prices
from tokenguard.records import Context, Usage

_DAY_US = 86_400_000_000
_SECOND_US = 1_000_000


class Unlisted(Exception):
    """The list does not tell a price; the only argument is the mark that says why."""


def in_force(dated: tuple[Prices, ...], at_us: int) -> Prices | None:
    """The last prices that hold at an instant; None before the first."""
    for prices in reversed(dated):
        if _has_begun(prices, at_us) and (prices.daily is None or _is_within(prices.daily, at_us)):
            return prices
    return None


def on_that_day(dated: tuple[Prices, ...], at_us: int) -> Iterator[Prices]:
    """All prices that may hold, whatever the time of day."""
    for prices in reversed(dated):
        if _has_begun(prices, at_us):
            yield prices
            if prices.daily is None:
                return


def listed(found: Found, context: Context, at_us: int) -> Prices:
    """The prices at that tier and speed. Raises `Unlisted`.

    A tier without prices of its own is unknown, never silently standard. Two conditions at once are, too: no list says
    what they cost together.
    """
    tier, speed = terms.tier_of(context.tier), terms.speed_of(context.speed)
    if tier is None and speed is None:
        dated = found.model.prices
    elif found.own and (tier is None or speed is None):
        dated = variant_of(found.model, "tier" if tier else "speed", tier or speed)
    else:
        dated = ()
    if (prices := in_force(dated, at_us)) is not None:
        return prices
    if tier is None and speed is None:
        raise Unlisted("unpriced-model")
    raise Unlisted(f"unknown-tier:{tier}" if tier else f"unknown-speed:{speed}")


def variant_of(model: Model, when: str, value: str | None) -> tuple[Prices, ...]:
    """The dated prices of a variant; empty if the model has none."""
    for variant in model.variants:
        if variant.when == when and variant.value == value:
            return variant.prices
    return ()


def band_of(prices: Prices, prompt: int) -> Band:
    """The rates of the whole request by the length of its prompt, in tokens; all None for an unpriced model."""
    for band in reversed(prices.bands):
        if prompt > band.above or band.above == 0:
            return band
    return Band(0)


def uncounted_unit(prices: Prices) -> str | None:
    """A unit that a model is charged by and usage in tokens does not count: hours of sound, generated images."""
    if prices.other:
        return prices.other[0]
    return next((unit for unit in prices.media if unit.startswith("output")), None)


def tokens_cost(band: Band, usage: Usage) -> int | None:
    """Tokens times rates, in millionths of nanodollars; None if a rate that is needed is not listed."""
    if (
        (band.input is None and usage.input)
        or (band.cache_read is None and usage.cache_read)
        or (band.cache_write_5m is None and usage.cache_write_5m)
        or (band.cache_write_1h is None and usage.cache_write_1h)
        or (band.output is None and usage.output)
    ):
        return None
    return (
        usage.input * (band.input or 0)
        + usage.cache_read * (band.cache_read or 0)
        + usage.cache_write_5m * (band.cache_write_5m or 0)
        + usage.cache_write_1h * (band.cache_write_1h or 0)
        + usage.output * (band.output or 0)
    )


def claude_writes(input: int) -> tuple[int, int]:
    """Rates of cache writes, for five minutes and for an hour, by Anthropic's rule: 1.25 and 2 times input.

    No maker of models charges more for them.
    """
    return -(-input * 5 // 4), input * 2


def with_claude_writes(band: Band, model: str) -> Band:
    """A Claude model's rates with those of cache writes, whoever sells it without naming them."""
    if band.input is None or "claude" not in model or None not in (band.cache_write_5m, band.cache_write_1h):
        return band
    write_5m, write_1h = claude_writes(band.input)
    return msgspec.structs.replace(
        band,
        cache_write_5m=write_5m if band.cache_write_5m is None else band.cache_write_5m,
        cache_write_1h=write_1h if band.cache_write_1h is None else band.cache_write_1h,
    )


def with_full_reads(band: Band) -> Band:
    """A missing rate of cache reads at that of input: reading from a cache is a discount, where there is one."""
    return band if band.cache_read is not None else msgspec.structs.replace(band, cache_read=band.input)


def _has_begun(prices: Prices, at_us: int) -> bool:
    return prices.since_us is None or prices.since_us <= at_us


def _is_within(window: tuple[int, int], at_us: int) -> bool:
    start, end = window
    second = at_us % _DAY_US // _SECOND_US
    return start <= second < end if start <= end else second >= start or second < end
