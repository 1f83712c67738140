"""Numbers, times, levels and bars as the screens say them. Values in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tokenguard.policy import money
from tokenguard.policy.naming import printable
from tokenguard.records import Unit

SIGNS = {"ok": " ", "info": "·", "warn": "!", "soft": "!", "hard": "✗"}
"""Beside the colour of a level, for those who do not see it."""
LEVELS = {"ok": "", "info": "info", "warn": "warn", "soft": "soft", "hard": "used up"}

_EIGHTHS = " ▏▎▍▌▋▊▉"
_SPARKS = "▁▂▃▄▅▆▇█"
_PLAIN_SPARKS = "_.,-~=+#"


def usd(totals: Mapping[str, Any]) -> str:
    """What sums come to: `$6.21`, `≈$6.21` where it is not exact."""
    about = totals.get("confidence", "exact") != "exact" or bool(totals.get("unpriced"))
    return money.usd(totals["cost_nanos"], about=about)


def ago(now: datetime, then: datetime) -> str:
    """`8 s`, `4 m`; after an hour the time of the day, after a day the date."""
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} m"
    local = then.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%b} {local.day}"


def until(now: datetime, then: datetime) -> str:
    """`4:31` within the hour, `1 h 12 m` within the day, else the date."""
    seconds = max(0, int((then - now).total_seconds()))
    if seconds < 3_600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    if seconds < 86_400:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60:02d} m"
    local = then.astimezone(now.tzinfo)
    return f"{local:%b} {local.day}"


def bar(share: float, width: int, *, held: float = 0.0, plain: bool = False) -> str:
    """A bar of so many cells, filled to an eighth of a cell, and after that how much is `held` besides, in whole cells.

    `plain` is without characters beyond ASCII.
    """
    filled = max(0.0, min(1.0, share)) * width
    if plain:
        full = round(filled)
        cells, more, empty = "#" * full, "+", "."
    else:
        whole, part = int(filled), int(filled % 1 * 8)
        cells, more, empty = "█" * whole + (_EIGHTHS[part] if part and whole < width else ""), "▒", "░"
    reaches = round(max(0.0, min(1.0, share + held)) * width) if held > 0 else 0
    cells += more * max(0, reaches - len(cells))
    return cells + empty * (width - len(cells))


def spark(values: Sequence[int], width: int, *, plain: bool = False) -> str:
    """The last values as columns, as many as fit; those that belong together where there is no room for each."""
    each = max(1, -(-len(values) // max(1, width)))
    sums = [sum(values[max(0, end - each) : end]) for end in range(len(values), 0, -each)][::-1][-width:]
    most = max(sums, default=0)
    signs = _PLAIN_SPARKS if plain else _SPARKS
    return "".join(signs[0] if not one else signs[max(1, one * (len(signs) - 1) // most)] for one in sums)


def amount(value: int, unit: str) -> str:
    """A value in a budget's unit, short: `$3.60`, `1.2M`, `40`."""
    if unit == Unit.USD:
        return money.usd(value)
    if unit == Unit.PERCENT:
        return f"{value}%"
    return money.tokens(value)


def clean(text: str | None, most: int = 0) -> str:
    """A name that came from elsewhere, without what a terminal would obey."""
    return printable(text or "", most)


def fit(text: str, width: int) -> str:
    """Text in exactly so many cells, cut with `…` where it is longer."""
    return f"{text:<{width}}" if len(text) <= width else text[: width - 1] + "…"
