from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.test_sse import cut
from tokenguard import wire
from tokenguard.records import Facts
from tokenguard.wire import openai_chat
from tokenguard.wire.chat_injection import MAX_HELD, UsageFilter, inject

STREAM = Facts("m", stream=True)
EXTRA = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}'
CONTENT = b'data: {"id":"c","choices":[{"delta":{"content":"\\n\\nusage\\": {"}}],"usage":null}'
LAST = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}'
FILTERED = b'data: {"choices":[],"prompt_filter_results":[]}'
COMMENT = b": keep-alive"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"stream":true}', '{"stream_options":{"include_usage":true},"stream":true}'),
        (' { "stream" : true }\n', ' {"stream_options":{"include_usage":true}, "stream" : true }\n'),
        ('{"stream":true,"stream_options":null}', '{"stream":true,"stream_options":{"include_usage":true}}'),
        ('{"stream_options": { }}', '{"stream_options": {"include_usage":true }}'),
        (
            '{"stream_options" : {"include_obfuscation": false}, "x":1.0}',
            '{"stream_options" : {"include_usage":true,"include_obfuscation": false}, "x":1.0}',
        ),
        (
            '{"stream_options":{"a":1,"include_usage" : false,"b":2}}',
            '{"stream_options":{"a":1,"include_usage":true,"b":2}}',
        ),
        ('{"stream_options":{"include_usage":null}}', '{"stream_options":{"include_usage":true}}'),
    ],
)
def test_only_the_bytes_that_must_change_do(before: str, after: str) -> None:
    injected = inject(before.encode(), STREAM)
    assert injected is not None
    assert injected[0].decode() == after
    assert json.loads(after)["stream_options"]["include_usage"] is True


def test_the_same_bytes_elsewhere_stay() -> None:
    tool = '{"stream_options":{"a":1}}'
    text = json.dumps('"stream_options":{"a":1}')
    before = f'{{"tools":[{tool}],"prompt":{text},"stream_options":{{"a":1}},"stream":true,"more":{tool}}}'
    injected = inject(before.encode(), STREAM)
    assert injected is not None
    after = json.loads(injected[0])
    assert after == json.loads(before) | {"stream_options": {"include_usage": True, "a": 1}}


@pytest.mark.parametrize(
    "body",
    [
        '{"stream_options":{"include_usage":true}}',
        '{"stream_options":7}',
        '{"stream_options":{"x":{"include_usage":false}}}',
        '{"stream_options":[]}',
        "[]",
        "",
        "{",
    ],
)
def test_what_needs_or_allows_no_change_has_none(body: str) -> None:
    assert inject(body.encode(), STREAM) is None


def test_only_chat_streams_are_changed() -> None:
    body = b'{"stream":true}'
    assert wire.inject(openai_chat, body, STREAM) is not None
    assert wire.inject(openai_chat, body, Facts("m")) is None
    assert all(wire.inject(other, body, STREAM) is None for other in wire.DIALECTS.values() if other is not openai_chat)


def filtered(*chunks: bytes) -> bytes:
    stripped = UsageFilter()
    return b"".join([*map(stripped.feed, chunks), stripped.finish()])


@given(
    st.lists(st.sampled_from([EXTRA, CONTENT, LAST, FILTERED, COMMENT, b"event: e\n" + EXTRA, b"garbage"]), max_size=8),
    st.sampled_from([b"\n\n", b"\r\n\r\n"]),
    st.lists(st.integers(0, 2_000), max_size=8),
    st.booleans(),
)
def test_the_extra_chunk_goes_and_every_other_byte_stays(
    parts: list[bytes], blank: bytes, places: list[int], complete: bool
) -> None:
    pieces = [part + blank for part in parts]
    if pieces and not complete:
        pieces[-1] = parts[-1]
    kept = b"".join(piece for piece in pieces if EXTRA not in piece)
    assert filtered(*cut(b"".join(pieces), places)) == kept


def test_bytes_are_not_held_longer_than_needed() -> None:
    stripped = UsageFilter()
    assert stripped.feed(CONTENT + b"\n\n") == CONTENT + b"\n\n"
    assert stripped.feed(b'data: {"id":"c",') == b""
    assert stripped.feed(b'"choices":[{"delta"') == b'data: {"id":"c","choices":[{"delta"'
    assert stripped.feed(b":{}}]}") == b":{}}]}"
    assert stripped.feed(b"\n") == b""
    assert stripped.feed(b"\n: x") == b"\n\n"
    assert stripped.finish() == b": x"


def test_what_never_ends_is_not_held() -> None:
    stripped = UsageFilter()
    piece = b"x" * 1_000
    passed = sum(len(stripped.feed(piece)) for _ in range(200))
    assert passed >= 200_000 - MAX_HELD
    assert passed + len(stripped.finish()) == 200_000
