"""Counts that overlap, made disjoint, and those of databases, whose columns hold anything."""

from __future__ import annotations

from collections.abc import Iterable

from tokenguard.records import Usage

_MOST = 1 << 53
"""What is beyond is not believed, as in `wire.decoding.Count`."""


def counts(values: Iterable[object]) -> tuple[list[int], bool]:
    """Counts as a database has them, and whether all of them are such: what is none counts nothing, as NULL does."""
    given = list(values)
    found = [value if isinstance(value, int) and 0 <= value <= _MOST else 0 for value in given]
    return found, all(value is None or value == count for value, count in zip(given, found, strict=True))


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
