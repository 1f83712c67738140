"""What a response of GitHub Copilot CLI's says in its session's file and in the database alike."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.agents.logs.shape import DOUBTFUL, Odd
from tokenguard.records import Usage
from tokenguard.wire.decoding import Count

_NANO_UNITS_PER_NANODOLLAR = 100
_TENS_US = 10_000_000


class Counts(Struct):
    """Tokens as they are counted: the input has the cache in it."""

    inputTokens: Count | None = None
    outputTokens: Count | None = None
    cacheReadTokens: Count | None = None
    cacheWriteTokens: Count | None = None
    reasoningTokens: Count | None = None


def usage_of(counts: Counts, odd: Odd) -> Usage:
    """Disjoint buckets."""
    sent, output = counts.inputTokens or 0, counts.outputTokens or 0
    read, written = counts.cacheReadTokens or 0, counts.cacheWriteTokens or 0
    if read + written > sent:
        odd(DOUBTFUL, "more-cached-than-sent")
    return Usage(
        input=max(0, sent - read - written),
        cache_read=read,
        cache_write_5m=written,
        output=output,
        reasoning=min(counts.reasoningTokens or 0, output),
    )


def key_of(session: str, at_us: int, model: str | None, counts: Counts) -> str:
    """What both say of a response; `numbered` tells those apart that say the same.

    Their times can differ by a millisecond (measured), so only tens of seconds count.
    """
    return f"{session}/{at_us // _TENS_US}/{model}/{counts.inputTokens or 0}/{counts.outputTokens or 0}"


def numbered(key: str, number: int) -> str:
    """The key of the nth response with that key."""
    return key if number == 1 else f"{key}#{number}"


def nanos_of_units(units: int | None) -> int | None:
    """Nanodollars of billionths of a unit, which is a cent; None where none were counted."""
    return units // _NANO_UNITS_PER_NANODOLLAR if units and units > 0 else None
