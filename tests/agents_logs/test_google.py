"""Overlapping counts of Gemini's API, and of others that are logged by its names."""

from __future__ import annotations

import pytest

from tokenguard.agents.logs import google
from tokenguard.records import Usage


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((1000, 20, 800, 30, 0, 1050), Usage(input=200, cache_read=800, output=50, reasoning=30)),
        ((1000, 20, 800, 30, 7, 1057), Usage(input=207, cache_read=800, output=50, reasoning=30)),
        ((1000, 20, 800, 15, 0, 1020), Usage(input=200, cache_read=800, output=20, reasoning=15)),
        ((1000, 20, 800, 30, 0, 1850), Usage(input=1000, cache_read=800, output=50, reasoning=30)),
        ((1000, 20, 800, 15, 0, 1820), Usage(input=1000, cache_read=800, output=20, reasoning=15)),
        ((1000, 20, 800, 30, 0, 0), Usage(input=200, cache_read=800, output=50, reasoning=30)),
        ((100, 20, 800, 0, 0, 0), Usage(input=100, cache_read=800, output=20)),
        ((1000, 20, 800, 30, 0, 1), Usage(input=200, cache_read=800, output=50, reasoning=30)),
        ((1000, 20, 0, 25, 0, 1020), Usage(input=1000, output=20, reasoning=20)),
        ((0, 0, 0, 0, 0, 654), Usage(output=654, reasoning=654)),
        ((1000, 20, 0, 0, 0, 1060), Usage(input=1000, output=60, reasoning=40)),
        ((0, 0, 0, 0, 0, 0), Usage()),
    ],
    ids=[
        "Gemini's own",
        "with tools",
        "thoughts inside the output",
        "the cache outside the prompt",
        "both the other way",
        "no total",
        "more cached than sent",
        "a total that is none",
        "more thought than answered",
        "nothing but a total",
        "thoughts only in the total",
        "nothing",
    ],
)
def test_a_total_tells_what_overlaps(counts: tuple[int, int, int, int, int, int], expected: Usage) -> None:
    found = google.usage(*counts)
    assert found == expected
    assert found.reasoning <= found.output
