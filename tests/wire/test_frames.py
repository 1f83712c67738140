from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.support import frame
from tests.wire.test_sse import cut
from tokenguard.wire.frames import FrameSplitter

Event = tuple[str, bytes]


def split(*chunks: bytes, limit: int = 1 << 20) -> tuple[list[Event], bool]:
    found: list[Event] = []
    frames = FrameSplitter(lambda name, payload: found.append((name, payload)), limit=limit)
    for chunk in chunks:
        frames.feed(chunk)
    return found, frames.corrupt


def test_frames_have_a_name_and_a_payload() -> None:
    stream = frame(b"{}", "messageStart") + frame(b"[1]", "throttlingException", ":exception-type") + frame(b"", "end")
    expected = [("messageStart", b"{}"), ("throttlingException", b"[1]"), ("end", b"")]
    assert split(stream) == (expected, False)
    assert split(stream[:-1]) == (expected[:2], False)


def test_headers_of_other_types_are_passed_over() -> None:
    others = (
        b"\x01a\x00"  # true
        b"\x01b\x02\x07"  # byte
        b"\x01c\x05" + bytes(8) + b"\x01d\x09" + bytes(16) + b"\x01e\x06\x00\x03abc"  # long, UUID, bytes
    )
    assert split(frame(b"x", "named", others=others))[0] == [("named", b"x")]
    assert split(frame(b"x", "named", others=b"\x01a\x63"))[0] == [("", b"x")]


def test_a_wrong_checksum_loses_a_frame_and_a_broken_prelude_all_that_follow() -> None:
    good, bad = frame(b"good"), bytearray(frame(b"bad!"))
    bad[-6] ^= 1
    assert split(bytes(bad) + good) == ([("chunk", b"good")], True)
    bad[3] ^= 1
    assert split(good + bytes(bad) + good) == ([("chunk", b"good")], True)


def test_a_frame_beyond_the_limit_is_not_waited_for() -> None:
    assert split(frame(b"x" * 100), limit=100) == ([], True)


@given(st.lists(st.binary(max_size=40), max_size=5), st.lists(st.integers(0, 900), max_size=8), st.binary(max_size=30))
def test_any_cut_gives_the_same_frames(payloads: list[bytes], places: list[int], rest: bytes) -> None:
    stream = b"".join(map(frame, payloads)) + rest
    whole = split(stream)
    assert [payload for _, payload in whole[0]] == payloads
    assert split(*cut(stream, places)) == whole
