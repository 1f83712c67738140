"""`[[price]]` tables: what people write, checked and made into prices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from tokenguard.config.tables import convert
from tokenguard.errors import ConfigError
from tokenguard.policy.money import NANOS
from tokenguard.prices import terms
from tokenguard.prices.data import Band, Prices, Variant
from tokenguard.prices.own import Override

Dollars = str | int | float

_MILLION = 1_000_000
_DEAREST = 1_000_000
"""Dollars: whoever writes more has mistaken the unit."""

_RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
_AMOUNT = re.compile(r"\$?(\d[\d_]*(?:\.\d+)?(?:e-\d\d?)?|\.\d+)")
_WORD = re.compile(r"[a-z][a-z0-9_]*")


class RatesTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dollars per million tokens."""

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write_5m: Dollars | None = None
    cache_write_1h: Dollars | None = None


class TierTable(RatesTable, frozen=True, forbid_unknown_fields=True):
    """What a service tier costs, with the same keys as the entry in which it stands."""

    above: dict[str, dict[str, Any]] = {}


class PriceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[price]]` as it is written; the keys are documented in docs/configuration.md."""

    provider: str
    model: str
    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write_5m: Dollars | None = None
    cache_write_1h: Dollars | None = None
    fees: dict[str, Dollars] = {}
    since: date | None = None
    above: dict[str, dict[str, Any]] = {}
    tiers: dict[str, dict[str, Any]] = {}


def parse_prices(tables: Sequence[dict[str, Any]], file: Path) -> tuple[Override, ...]:
    """The prices of a file's `[[price]]` tables, the entries for one model together.

    Raises `ConfigError` naming file, entry and key.
    """
    entries: dict[tuple[str, str], dict[date, Override]] = {}
    for number, table in enumerate(tables, 1):
        where = _where(table, file, number)
        written = convert(table, PriceTable, where)
        override = _override(written, where)
        dated = entries.setdefault((override.provider, override.model), {})
        since = written.since or date.min
        if since in dated:
            raise ConfigError(f"{where}: it is given twice from the same date on", "remove one, or give it a since")
        dated[since] = override
    return tuple(_together([dated[since] for since in sorted(dated)]) for dated in entries.values())


def _where(table: Mapping[str, Any], file: Path, number: int) -> str:
    """`config.toml: price "claude-opus-5-5" of "anthropic"`."""
    model, provider = table.get("model"), table.get("provider")
    if isinstance(model, str) and isinstance(provider, str):
        return f'{file.name}: price "{model}" of "{provider}"'
    return f"{file.name}: price {number}"


def _override(written: PriceTable, where: str) -> Override:
    provider, model = written.provider.strip(), written.model.strip().lower()
    if not provider:
        raise ConfigError(f"{where}: provider is empty", "name one, such as anthropic")
    if not model:
        raise ConfigError(f"{where}: model is empty", 'name one, or use a glob such as "claude-opus-*"')
    if "[" in model:
        raise ConfigError(f"{where}: model has a bracket", "use only * and ? as wildcards, and leave out [1m]")
    fees = {_fee_name(name, where): _fee(fee, f"{where}: fees.{name}") for name, fee in written.fees.items()}

    def prices(rates: PriceTable | TierTable, at: str) -> tuple[Prices, ...]:
        since_us = _midnight_us(written.since) if written.since else None
        return (Prices(_bands(rates, at), fees, since_us=since_us, own=True),)

    variants: list[Variant] = []
    for name, table in written.tiers.items():
        tier = prices(convert(table, TierTable, f"{where}: tiers.{name}"), f"{where}: tiers.{name}.")
        variants += [Variant(when, value, tier) for when, value in _kinds(name, where)]
    return Override(provider, model, prices(written, f"{where}: "), tuple(variants))


def _together(entries: Sequence[Override]) -> Override:
    """Entries for one model, by date, as one."""
    variants: dict[tuple[str, str], tuple[Prices, ...]] = {}
    for variant in (variant for entry in entries for variant in entry.variants):
        kind = (variant.when, variant.value)
        variants[kind] = variants.get(kind, ()) + variant.prices
    return Override(
        entries[0].provider,
        entries[0].model,
        prices=tuple(prices for entry in entries for prices in entry.prices),
        variants=tuple(Variant(*kind, prices) for kind, prices in variants.items()),
    )


def _kinds(name: str, where: str) -> list[tuple[str, str]]:
    """What a tier is called in the catalogue. `fast` is a tier at some providers, and Anthropic's speed."""
    tier = terms.tier_of(_word(name, where, "tiers"))
    if tier is None:
        raise ConfigError(f'{where}: tiers "{name}" is the standard one', "give its rates outside of tiers")
    return [("tier", tier), ("speed", tier)] if tier == "fast" else [("tier", tier)]


def _fee_name(name: str, where: str) -> str:
    fee = terms.fee_of("", _word(name, where, "fees"))
    if fee is None:
        raise ConfigError(f'{where}: fees "{name}" is not charged', "use a name such as web_search or request")
    return fee


def _bands(rates: PriceTable | TierTable, at: str) -> tuple[Band, ...]:
    bands = [_band(0, rates, at)]
    for tokens, table in rates.above.items():
        if not tokens.isdecimal() or int(tokens) == 0:
            raise ConfigError(f'{at}above "{tokens}" is not a number of tokens', "such as above.200000")
        bands.append(_band(int(tokens), convert(table, RatesTable, f"{at}above.{tokens}"), f"{at}above.{tokens}."))
    return tuple(sorted(bands, key=lambda band: band.above))


def _band(above: int, rates: PriceTable | RatesTable, at: str) -> Band:
    given: dict[str, Dollars | None] = {name: getattr(rates, name) for name in _RATES}
    return Band(above, **{name: _rate(rate, at + name) for name, rate in given.items() if rate is not None})


def _rate(written: Dollars, key: str) -> int:
    """Nanodollars per million tokens."""
    return _whole(written, NANOS, key, "dollars per million tokens, such as 3 or 0.25")


def _fee(written: Dollars, key: str) -> int:
    """Nanodollars per million uses."""
    return _whole(written, NANOS * _MILLION, key, "dollars per use, such as 0.01")


def _whole(written: Dollars, unit: int, key: str, accepted: str) -> int:
    """Dollars in a unit, exactly. A float of TOML is taken as it was written, not by its binary value."""
    found = _AMOUNT.fullmatch(str(written).strip())
    if found is None:
        raise ConfigError(f'{key} "{written}" is not a price', f"use {accepted}")
    amount = Fraction(found[1].replace("_", ""))
    if amount > _DEAREST:
        raise ConfigError(f'{key} "{written}" is more than anything costs', f"use {accepted}")
    whole = amount * unit
    if whole.denominator != 1:
        raise ConfigError(f'{key} "{written}" has a part smaller than a nanodollar', "use fewer decimals")
    return whole.numerator


def _word(name: str, where: str, key: str) -> str:
    if not _WORD.fullmatch(name):
        raise ConfigError(f'{where}: {key} "{name}" is not a name', "use small letters, digits and underscores")
    return name


def _midnight_us(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * _MILLION
