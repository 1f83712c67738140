from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.test_sse import cut
from tokenguard.records import Reading
from tokenguard.wire.meters import BodyMeter, LineMeter

CONTENT = re.compile(rb"<([^>]*)>")


class Notes:
    """An account that notes what it was given."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def take(self, name: str, data: bytes) -> None:
        self.taken.append(data)

    def reading(self, *, ended: bool) -> Reading:
        return Reading(marks=tuple(data.decode("latin-1") for data in self.taken))


def test_a_body_is_read_when_it_is_complete() -> None:
    meter = BodyMeter(Notes)
    meter.feed(b'{"a":')
    assert meter.reading(ended=False) == Reading(output_bytes=5)
    meter.feed(b"1}")
    assert meter.reading(ended=False) == Reading(output_bytes=7, marks=('{"a":1}',))
    meter.feed(b"\n")
    assert meter.reading(ended=True).marks == ('{"a":1}',)


def test_a_body_beyond_the_limit_is_not_kept() -> None:
    meter = BodyMeter(Notes, limit=10)
    for _ in range(5):
        meter.feed(b"12345")
    assert meter.reading(ended=True) == Reading(output_bytes=25, marks=("", "oversized"))


def lines(*chunks: bytes, limit: int = 1_000) -> tuple[list[bytes], Reading]:
    notes = Notes()
    meter = LineMeter(notes, content=CONTENT, limit=limit)
    for chunk in chunks:
        meter.feed(chunk)
    reading = meter.reading(ended=True)
    return notes.taken, reading


def test_lines_are_taken_one_by_one_and_their_content_is_counted() -> None:
    taken, reading = lines(b"a<12>\n\nb<3", b"45>\nc")
    assert taken == [b"a<12>", b"b<345>", b"c"]
    assert (reading.output_bytes, reading.marks) == (5, ("a<12>", "b<345>", "c"))


@given(st.lists(st.integers(0, 12), max_size=6), st.lists(st.integers(0, 90), max_size=6))
def test_a_line_beyond_the_limit_is_dropped_wherever_it_is_cut(sizes: list[int], places: list[int]) -> None:
    data = b"\n".join(b"x" * size for size in sizes)
    taken, reading = lines(*cut(data, places), limit=8)
    assert taken == [b"x" * size for size in sizes if 0 < size <= 8]
    assert ("oversized" in reading.marks) is any(size > 8 for size in sizes)
