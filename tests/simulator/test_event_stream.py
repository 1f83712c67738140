from __future__ import annotations

import json

from tests.simulator.support import parse_frames
from tokenguard.simulator.event_stream import event, exception

# The example of the specification with no headers and no payload is a prelude, its checksum and that of the message.
EMPTY = bytes.fromhex("000000100000000005c248eb7d98c8ff")


def test_the_reader_of_these_tests_reads_the_example_of_the_specification() -> None:
    (frame,) = parse_frames(EMPTY)
    assert (frame.headers, frame.payload, frame.size) == ({}, b"", 16)


def test_an_event() -> None:
    (frame,) = parse_frames(event("messageStop", {"stopReason": "end_turn"}))
    assert frame.headers == {
        ":event-type": "messageStop",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    fields = json.loads(frame.payload)
    assert fields.pop("p").startswith("a") and fields == {"stopReason": "end_turn"}


def test_the_size_of_a_frame_says_little_of_its_content() -> None:
    frames = [event("contentBlockDelta", {"delta": {"text": "x" * size}}) for size in range(1, 40)]
    noise = [json.loads(parse_frames(frame)[0].payload)["p"] for frame in frames]
    assert len({len(one) for one in noise}) > 20


def test_an_exception() -> None:
    (frame,) = parse_frames(exception("throttlingException", "Too many requests"))
    assert frame.headers[":message-type"] == "exception" and frame.kind == "throttlingException"
    assert json.loads(frame.payload) == {"message": "Too many requests"}
