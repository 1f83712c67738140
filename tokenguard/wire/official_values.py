"""Shares, instants and lengths of windows, as providers write them; None for what cannot be."""

from __future__ import annotations

from math import isfinite

MINUTES = {"five_hour": 300, "seven_day": 10_080, "thirty_day": 43_200}
"""How long windows are, by what they are called."""

_MOST_PERCENT = 200.0
_LONGEST_S = 400 * 86_400
"""A window ends within this: what names a later instant counts in other units than seconds."""


def number(text: str | None) -> float | None:
    """Of a header."""
    try:
        return float(text or "")
    except ValueError:
        return None


def percent(value: float | None, scale: int = 1, most: float = _MOST_PERCENT) -> float | None:
    """A share as a percentage; a thousandth of one is as fine as it gets."""
    share = round(value * scale, 3) if value is not None and isfinite(value) else -1.0
    return share if 0 <= share <= most else None


def instant(seconds: float | None, at_us: int) -> int | None:
    """Seconds since the epoch as microseconds; `at_us` is when they were said."""
    if seconds is None or not 1 <= seconds <= at_us / 1_000_000 + _LONGEST_S:
        return None
    return int(seconds * 1_000_000)


def minutes_of(value: float | None) -> int | None:
    """The length of a window."""
    return int(value) if value is not None and 1 <= value <= _LONGEST_S / 60 else None
