from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.support import START_US
from tokenguard.reports.cuts import BLOCK_US, HOUR_US, blocks_of, cut
from tokenguard.reports.instants import bucket_at

DAY_US = 24 * HOUR_US


def test_a_block_begins_with_the_first_call_after_the_one_before_it() -> None:
    hours = [0, 1, 4, 5, 9, 12, 30]
    assert [begin // HOUR_US for begin in blocks_of(hour * HOUR_US for hour in hours)] == [0, 5, 12, 30]
    assert blocks_of([]) == []


def test_blocks_are_told_by_their_beginning_and_pauses_between_them_by_none() -> None:
    begin = START_US // HOUR_US * HOUR_US
    found = cut(["block"], (begin, begin + 12 * HOUR_US), ZoneInfo("Asia/Kolkata"), [begin, begin + 6 * HOUR_US])
    assert [(since_us - begin) // HOUR_US for since_us, _ in found.spans] == [0, 5, 6, 11]
    assert found.labels == {"block": ["2025-11-21T15:30+05:30", None, "2025-11-21T21:30+05:30", None]}


def test_a_block_that_begins_before_the_span_keeps_its_name() -> None:
    found = cut(["block"], (START_US + HOUR_US, START_US + 2 * HOUR_US), UTC, [START_US])
    assert found.labels == {"block": ["2025-11-21T10:00+00:00"]}


@given(
    st.lists(st.sampled_from(["hour", "day", "week", "month", "block"]), unique=True, max_size=3),
    st.integers(0, 40 * DAY_US),
    st.lists(st.integers(-DAY_US, 41 * DAY_US), max_size=5),
    st.lists(st.integers(0, 40 * 24), max_size=5),
)
def test_cuts_follow_each_other_without_gap_and_at_every_edge(
    keys: list[str], size: int, edges: list[int], hours: list[int]
) -> None:
    span = (START_US, START_US + size)
    blocks = blocks_of(sorted(START_US // HOUR_US * HOUR_US + hour * HOUR_US for hour in set(hours)))
    found = cut(keys, span, UTC, blocks, [START_US + edge for edge in edges])
    ends = [span[0], *(until_us for _, until_us in found.spans)]
    assert [since_us for since_us, _ in found.spans] == ends[:-1]
    assert ends[-1] == span[1]
    wanted = {START_US + edge for edge in edges if 0 < edge < size}
    assert wanted <= set(ends)
    assert found.labels.keys() == set(keys)
    for key, labels in found.labels.items():
        for (since_us, until_us), label in zip(found.spans, labels, strict=True):
            assert since_us < until_us
            if key != "block":
                bucket = bucket_at(key, since_us, UTC)
                assert (bucket.label, bucket.end_us >= until_us) == (label, True)
            elif label is not None:
                assert any(begin <= since_us and until_us <= begin + BLOCK_US for begin in blocks)
            else:
                assert not any(begin < until_us and since_us < begin + BLOCK_US for begin in blocks)
