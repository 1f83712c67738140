"""Sums as the JSON of a report."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from tokenguard.records import Totals, Usage

_LEAST_SHARE, _LEAST_TIMES = 0.1, 1.5
"""From which share of the dollars on, and how many times the share of the tokens, a row stands out."""


def sums(totals: Totals) -> dict[str, Any]:
    """The numbers of a row, and of the total."""
    return {
        "calls": totals.calls,
        "usage": to_builtins(totals.usage),
        "cost_nanos": totals.cost_nanos,
        "cost_low_nanos": totals.cost_nanos - totals.below_nanos,
        "cost_high_nanos": totals.cost_nanos + totals.above_nanos,
        "notional_nanos": totals.notional_nanos,
        "confidence": totals.confidence.value,
        "unpriced": totals.unpriced,
        "hit_rate": hit_rate(totals.usage),
        "saved_nanos": totals.saved_nanos,
        "notional_saved_nanos": totals.notional_saved_nanos,
    }


def shares(part: Totals, whole: Totals) -> dict[str, Any]:
    """What share of the tokens and dollars a row has; of what is billed, and of all at list price.

    What costs much more than its tokens would make one think `stands_out`.
    """
    listed = share(part.cost_nanos + part.notional_nanos, whole.cost_nanos + whole.notional_nanos)
    tokens = share(part.usage.total, whole.usage.total)
    return {
        "token_share": tokens,
        "spend_share": share(part.cost_nanos, whole.cost_nanos),
        "list_share": listed,
        "stands_out": listed >= _LEAST_SHARE and listed >= _LEAST_TIMES * tokens,
    }


def hit_rate(usage: Usage) -> float | None:
    """How much of what was sent a cache had; None where nothing was sent."""
    return round(usage.cache_read / usage.prompt, 6) if usage.prompt else None


def share(part: int, whole: int) -> float:
    """To six digits; 0 of nothing."""
    return round(part / whole, 6) if whole else 0.0
