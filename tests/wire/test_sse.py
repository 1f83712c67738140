from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.wire.sse import BATCH, MAX_EVENT, Splitter

Event = tuple[str, bytes]


def split(
    *chunks: bytes, ended: bool = False, wanted: bytes | None = None, head: int = 0, limit: int = MAX_EVENT
) -> tuple[list[Event], int]:
    """The events of a stream, and how many were dropped."""
    found: list[Event] = []
    pattern = None if wanted is None else re.compile(wanted)
    splitter = Splitter(lambda name, data: found.append((name, data)), wanted=pattern, head=head, limit=limit)
    for chunk in chunks:
        splitter.feed(chunk)
    splitter.flush(ended=ended)
    return found, splitter.dropped


def cut(data: bytes, places: list[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in zip(places, places[1:], strict=False)]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_an_event_has_a_name_and_data(line_end: bytes) -> None:
    stream = b"event: greeting\ndata: hello\nid: 7\n\ndata: world\n\n".replace(b"\n", line_end)
    assert split(stream) == ([("greeting", b"hello"), ("", b"world")], 0)


def test_data_lines_are_joined_and_one_space_is_removed() -> None:
    assert split(b"data:  one\ndata:two\ndata\n\n")[0] == [("", b" one\ntwo\n")]


def test_a_byte_order_mark_and_comments_are_skipped() -> None:
    assert split(b"\xef\xbb\xbfdata: a\n\n: ping\n\n:\ndata: b\n\n")[0] == [("", b"a"), ("", b"b")]
    assert split(b"\xef", b"\xbb", b"\xbfdata: a\n\n")[0] == [("", b"a")]


def test_an_event_is_complete_with_its_blank_line_or_with_the_end_of_the_stream() -> None:
    assert split(b"data: a\n\ndata: b")[0] == [("", b"a")]
    assert split(b"data: a\n\ndata: b", ended=True)[0] == [("", b"a"), ("", b"b")]


def test_only_wanted_events_and_the_first_ones_are_handed_over() -> None:
    stream = b": hi\n\ndata: first\n\ndata: second\n\nevent: e\ndata: usage usage\n\ndata: third\n\ndata: usage\n\n"
    assert split(stream, wanted=b"usage")[0] == [("e", b"usage usage"), ("", b"usage")]
    assert split(stream, wanted=b"usage", head=1)[0] == [("", b"first"), ("e", b"usage usage"), ("", b"usage")]


def test_events_come_by_themselves_once_a_batch_is_full() -> None:
    found: list[Event] = []
    splitter = Splitter(lambda name, data: found.append((name, data)))
    for _ in range(BATCH // 10 + 1):
        splitter.feed(b"data: abc\n\n")
    assert found


def test_content_is_counted_in_events_that_are_not_handed_over() -> None:
    splitter = Splitter(lambda name, data: None, wanted=re.compile(rb"never"), content=re.compile(rb'"text":"([^"]*)"'))
    splitter.feed(b'data: {"text":"12345"}\n\ndata: {"text":"678"}\n\ndata: {"text":"not complete"')
    splitter.flush()
    assert splitter.content_bytes == 8


@given(
    st.lists(
        st.sampled_from([b"data: a", b"data:usage", b"event: e", b": c", b"\n", b"\r\n", b"\r", b"\xef\xbb\xbf"]),
        max_size=30,
    ),
    st.lists(st.integers(0, 300), max_size=8),
    st.sampled_from([None, b"usage", b"a"]),
    st.integers(0, 2),
)
def test_any_cut_gives_the_same_events(parts: list[bytes], places: list[int], wanted: bytes | None, head: int) -> None:
    stream = b"".join(parts)
    whole = split(stream, ended=True, wanted=wanted, head=head)
    assert split(*cut(stream, places), ended=True, wanted=wanted, head=head) == whole


def test_flushing_in_between_changes_nothing() -> None:
    stream = b"\xef\xbb\xbfevent: e\r\ndata: a\r\n\r\ndata: b\r\ndata: c\r\n\r\n: x\n\ndata: d\r\r"
    found: list[Event] = []
    splitter = Splitter(lambda name, data: found.append((name, data)))
    for byte in stream:
        splitter.feed(bytes((byte,)))
        splitter.flush()
    assert found == split(stream)[0] == [("e", b"a"), ("", b"b\nc"), ("", b"d")]


@given(st.integers(50, 80), st.lists(st.integers(0, 300), max_size=6), st.sampled_from([None, b"data"]))
def test_an_event_beyond_the_limit_is_dropped_wherever_it_is_cut(
    size: int, places: list[int], wanted: bytes | None
) -> None:
    stream = b"data: before\n\ndata: " + b"x" * size + b"\n\ndata: after\n\n"
    events, dropped = split(*cut(stream, places), wanted=wanted, limit=70)
    fits = size + len(b"data: \n") <= 70
    assert dropped == (0 if fits else 1)
    assert [data for _, data in events] == [b"before", *([b"x" * size] if fits else []), b"after"]


def test_memory_stays_bounded_under_a_gigabyte_without_an_event() -> None:
    piece = b"x" * (1 << 20)
    splitter = Splitter(lambda name, data: None, wanted=re.compile(rb"usage"))
    largest = 0
    for _ in range(1024):
        splitter.feed(piece)
        largest = max(largest, len(splitter._buffer))  # pyright: ignore[reportPrivateUsage]  # what it holds back shows nowhere
    assert largest <= MAX_EVENT + len(piece)
    assert splitter.dropped == 1
    events, _ = split(b"")
    assert events == []


@pytest.mark.parametrize("cut", range(6))
def test_blank_lines_at_the_end_are_no_half_event_wherever_they_are_cut(cut: int) -> None:
    body = b"data: x\r\r\r\r\n"
    splitter = Splitter(lambda name, data: None)
    splitter.feed(body[: 7 + cut])
    splitter.flush()
    splitter.feed(body[7 + cut :])
    splitter.flush(ended=True)
    assert not splitter.broken_off
