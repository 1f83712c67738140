"""Counts that overlap, made disjoint."""

from __future__ import annotations

from tokenguard.records import Usage


def with_cache_inside(prompt: int, read: int, written: int, output: int, reasoning: int = 0) -> Usage:
    """Buckets of a prompt that holds what was read from a cache and written to one; `reasoning` is inside `output`.

    A prompt that is smaller than these cannot hold them: then they are beside it.
    """
    cached = read + written
    return Usage(
        input=prompt - cached if prompt >= cached else prompt,
        cache_read=read,
        cache_write_5m=written,
        output=output,
        reasoning=reasoning,
    )
