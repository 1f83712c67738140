"""Amounts as people write and read them: dollars, tokens, calls."""

from __future__ import annotations

import re
from decimal import Decimal

from tokenguard.records import Unit

NANOS = 1_000_000_000
"""Nanodollars in a dollar."""

_CENT, _MILL = NANOS // 100, NANOS // 1000

_SCALES = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_AMOUNT = re.compile(
    r"(?P<dollar>\$?)\s*(?P<number>\d[\d_,]*(\.\d+)?|\.\d+)\s*(?P<scale>[kmb]?)\s*(?P<unit>usd|dollars?|tokens?|calls?|%|percent|)",
    re.IGNORECASE,
)
_UNITS = {"t": Unit.TOKENS, "c": Unit.CALLS, "%": Unit.PERCENT, "p": Unit.PERCENT}


def parse_amount(text: str) -> tuple[int, Unit]:
    """`$20`, `5`, `0.50`, `2M tokens`, `300 calls` or `90%` as (integer in the unit, unit); dollars in nanodollars.

    Raises `ValueError` with a sentence that names the accepted forms.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or (found["dollar"] and found["unit"][:1].lower() in _UNITS):
        raise ValueError(f'"{text}" is not an amount; use "$20", "2M tokens" or "300 calls"')
    number = Decimal(found["number"].replace("_", "").replace(",", "")) * _SCALES[found["scale"].lower()]
    unit = _UNITS.get(found["unit"][:1].lower(), Unit.USD)
    whole = number * NANOS if unit is Unit.USD else number
    if whole != int(whole):
        smallest = "a nanodollar" if unit is Unit.USD else f"one of its {unit.value}"
        raise ValueError(f'"{text}" has a part smaller than {smallest}; use fewer decimals')
    return int(whole), unit


def usd(nanos: int, *, about: bool = False) -> str:
    """`$6.21`; below a dollar to a tenth of a cent, `$0.193`. `about` puts `≈` before what is not exact."""
    sign, size = ("-" if nanos < 0 else ""), abs(nanos)
    if 0 < size < NANOS // 2000:
        return f"{sign}<$0.001"
    before = f"{'≈' if about else ''}{sign}$"
    # Tables have thousands of them: `_rounded` takes three times as long.
    if size == 0 or size >= NANOS:
        cents = (size + _CENT // 2) // _CENT
        return f"{before}{cents // 100:,}.{cents % 100:02}"
    mills = (size + _MILL // 2) // _MILL
    return f"{before}{mills // 1000}.{mills % 1000:03}"


def _rounded(nanos: int, places: int) -> str:
    """Half of the last place is rounded up, by its size."""
    smallest = NANOS // 10**places
    whole, part = divmod((abs(nanos) + smallest // 2) // smallest, 10**places)
    return f"{'-' if nanos < 0 else ''}{whole:,}.{part:0{places}}"


def plain_usd(nanos: int) -> str:
    """`19.97`: dollars and cents without a sign, as a refusal says them; parts of a cent below a dollar."""
    fine = abs(nanos) < NANOS and nanos % (NANOS // 100)
    return _rounded(nanos, 4 if fine else 2)


def tokens(count: int) -> str:
    """`902`, `12.4k`, `118k`, `3.1M`. The letter is that of the rounded number: 999,960 is 1.0M and not 1000k."""
    size = abs(count)
    if size < 1_000:
        return str(count)
    unit, letter = (1_000, "k") if size < 999_500 else (1_000_000, "M") if size < 999_500_000 else (1_000_000_000, "B")
    return f"{count / unit:.0f}{letter}" if size >= 99.95 * unit else f"{count / unit:.1f}{letter}"


def amount(value: int, unit: Unit) -> str:
    """A value in its unit: `$6.21`, `2.0M tokens`, `300 calls`."""
    if unit is Unit.USD:
        return usd(value)
    if unit is Unit.TOKENS:
        return f"{tokens(value)} tokens"
    if unit is Unit.PERCENT:
        return f"{value}%"
    return f"{value} call" if value == 1 else f"{value} calls"


def limit(value: int, unit: Unit) -> str:
    """A limit that somebody set, to its last digit: `$20.00`, `$0.0001`."""
    if unit is not Unit.USD:
        return amount(value, unit)
    dollars, part = divmod(value, NANOS)
    return f"${dollars:,}.{f'{part:09d}'.rstrip('0'):0<2}"


def rounded_up(value: int, unit: Unit) -> int:
    """An amount that is no longer to read than it has to be: dollars to the next cent, below one to a tenth of it."""
    step = (NANOS // 100 if value >= NANOS else NANOS // 1000) if unit is Unit.USD else 1
    return -(-value // step) * step


def percent(part: int, whole: int) -> int:
    """Whole percents, rounded down, so that 100 means used up; of a limit of zero, anything is."""
    return part * 100 // whole if whole else 100 * bool(part)
