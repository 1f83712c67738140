"""Dollars of genai-prices as the catalogue's integers: nanodollars per million units, from instants in microseconds.

A price that is not a whole number of them is an error, except for the residue of a float (`_nanos`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal

from tokenguard.prices import published
from tokenguard.prices.data import Band, Prices

_BUCKETS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_5m_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
}
"""Prices by bucket of `Usage`, specific units after general ones. A cache write without a duration is a short one."""

_FEES = {
    "code_executions_kcount": "code_execution",
    "requests_kcount": "request",
    "social_searches_kcount": "social_search",
    "storage_searches_kcount": "file_search",
    "web_searches_kcount": "web_search",
}
"""Prices per thousand events, by the name of the fee in a leg."""

_NANOS = Decimal(10**9)
_THOUSANDS_IN_A_MILLION = 1000
_DIGITS_OF_A_FLOAT = 15


def prices_of(entry: published.Conditional) -> Prices:
    """A price list entry in integers. Raises `ValueError` if that would change an amount."""
    constraint = entry.constraint
    amounts = {key: price for key, price in sorted(entry.prices.items()) if price is not None}
    buckets = {bucket: amounts[key] for key, bucket in _BUCKETS.items() if key in amounts}
    fees = {name: amounts[key] for key, name in _FEES.items() if key in amounts}
    media = [key for key in amounts if key.endswith("_mtok") and key not in _BUCKETS]
    return Prices(
        bands=_bands(buckets),
        fees={name: _nanos(_dearest(price)) * _THOUSANDS_IN_A_MILLION for name, price in fees.items()},
        media={key.removesuffix("_mtok"): _nanos(_dearest(amounts[key])) for key in media},
        other=tuple(key for key in amounts if key not in _BUCKETS and key not in _FEES and key not in media),
        since_us=_midnight_us(constraint.start_date) if constraint and constraint.start_date else None,
        daily=_window(constraint) if constraint else None,
    )


def _bands(buckets: Mapping[str, Decimal | published.Tiered]) -> tuple[Band, ...]:
    if not buckets:
        return ()
    steps = {step.start for price in buckets.values() if isinstance(price, published.Tiered) for step in price.tiers}
    return tuple(
        Band(above, **{bucket: _nanos(_above(price, above)) for bucket, price in buckets.items()})
        for above in sorted({0} | steps)
    )


def _above(price: Decimal | published.Tiered, tokens: int) -> Decimal:
    """The price of a prompt with more tokens than that."""
    if isinstance(price, Decimal):
        return price
    reached = [step for step in price.tiers if step.start <= tokens]
    return max(reached, key=lambda step: step.start).price if reached else price.base


def _dearest(price: Decimal | published.Tiered) -> Decimal:
    return price if isinstance(price, Decimal) else max(price.base, *(step.price for step in price.tiers))


def _nanos(dollars: Decimal) -> int:
    """Whole nanodollars.

    A float's residue is rounded half up: some prices were divided or multiplied as floats before they were published
    (0.18000000000000002, 0.08333333333333334), which shows in 15 or more digits; nobody quotes a price like that.
    """
    exact = dollars * _NANOS
    whole = exact.to_integral_value(ROUND_HALF_UP)
    if dollars < 0 or (whole != exact and len(dollars.as_tuple().digits) < _DIGITS_OF_A_FLOAT):
        raise ValueError(f"a price of ${dollars} is not a whole number of nanodollars")
    return int(whole)


def _midnight_us(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * 1_000_000


def _window(constraint: published.Constraint) -> tuple[int, int] | None:
    if constraint.start_time is None or constraint.end_time is None:
        return None
    return _second_of_day(constraint.start_time), _second_of_day(constraint.end_time)


def _second_of_day(at: time) -> int:
    """Second of the UTC day; a time without a zone is UTC."""
    moment = datetime.combine(date(2000, 1, 2), at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    if moment.microsecond:
        raise ValueError(f"the time {at} is not a whole second")
    return moment.hour * 3600 + moment.minute * 60 + moment.second
