"""Sums of calls."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tests.exporting.telling import settled
from tokenguard.exporting import counts
from tokenguard.exporting.calls import Calls, Ended, Source
from tokenguard.exporting.counts import BUCKETS, OTHER, Counts, Durations
from tokenguard.records import Usage


def ended(seconds: float | None = None, **changes: Any) -> Ended:
    found = Calls(repositories=False).hear(settled(**changes))
    assert found is not None
    return replace(found, seconds=seconds)


def test_billed_and_notional_dollars_are_never_added_up() -> None:
    found = Counts()
    for billing in ("metered", "credits", "subscription", "local", "metered"):
        found.add(ended(billing=billing, cost_nanos=1_000))
    assert {source.billing: nanos for source, nanos in found.cost.items()} == {"metered": 2_000, "credits": 1_000}
    assert {source.billing: nanos for source, nanos in found.notional.items()} == {
        "subscription": 1_000,
        "local": 1_000,
    }


def test_a_refused_call_is_counted_and_nothing_of_it() -> None:
    found = Counts()
    source = ended().source
    found.add(Ended(source, source.model, "refused"))
    assert dict(found.calls) == {(source, "refused"): 1}
    assert not found.usage and not found.cost and not found.durations


def test_usage_and_durations_are_sums() -> None:
    found = Counts()
    for seconds in (0.2, 4.0, None):
        found.add(ended(seconds, usage=Usage(input=1, output=2)))
    (source,) = found.usage
    assert found.usage[source] == Usage(input=3, output=6)
    durations = found.durations["anthropic", "claude-opus-5-5"]
    assert (sum(durations.counts), durations.seconds) == (2, 4.2)


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0, 0), (0.1, 0), (0.1001, 1), (600.0, len(BUCKETS) - 1), (601.0, len(BUCKETS))]
)
def test_a_bound_is_within_its_bucket(seconds: float, bucket: int) -> None:
    durations = Durations()
    durations.add(seconds)
    assert durations.counts.index(1) == bucket


def test_names_that_agents_choose_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST", 3)
    found = Counts()
    for number in range(10):
        found.add(ended(1.0, model=f"m{number}", cost_nanos=1))
    found.add(ended(1.0, model="m0", cost_nanos=1))
    assert found.cost[Source(OTHER, OTHER, OTHER, "metered")] == 7
    assert (len(found.cost), sum(found.cost.values()), len(found.durations)) == (4, 11, 4)
