"""Spans of time as people write them."""

from __future__ import annotations

import re

_SPAN = re.compile(r"(\d{1,6})\s*([mhd])", re.ASCII)
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}


def span_us(text: str) -> int:
    """`30m`, `4h` or `2d` in microseconds. Raises `ValueError`."""
    found = _SPAN.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise ValueError(f'"{text}" is not a time')
    return int(found[1]) * _UNITS[found[2]] * 1_000_000
