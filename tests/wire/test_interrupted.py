"""What meters tell of answers that did not come to their end."""

from __future__ import annotations

import pytest

from tests.wire.support import body, events, read
from tokenguard.wire import anthropic, gemini, openai_chat, openai_responses
from tokenguard.wire.shape import Dialect

START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 7, "output_tokens": 1}},
}
RESULT = {"type": "content_block_start", "index": 1, "content_block": {"type": "web_search_tool_result"}}


def delta(kind: str, field: str, text: str) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": f"{kind}_delta", field: text}}


def item(kind: str) -> dict[str, object]:
    return {"type": "response.output_item.done", "item": {"type": kind, "action": {"type": "search"}}}


def test_a_signature_is_no_output() -> None:
    data = events(START, delta("thinking", "thinking", "abcd"), delta("signature", "signature", "x" * 900))
    assert read(anthropic, data, stream=True, ended=False).output_bytes == 4


def test_searches_that_ran_count_until_the_delta_counts_them() -> None:
    begun = read(anthropic, events(START, RESULT, RESULT), stream=True, ended=False)
    assert begun.state == "partial" and begun.legs[0].fees == (("web_search", 2),)
    usage = {"input_tokens": 900, "output_tokens": 5, "server_tool_use": {"web_search_requests": 3}}
    ended = events(START, RESULT, RESULT, {"type": "message_delta", "usage": usage}, {"type": "message_stop"})
    assert read(anthropic, ended, stream=True).legs[0].fees == (("web_search", 3),)


def test_tools_that_ran_are_told_before_any_tokens_are() -> None:
    created = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt"}}
    reading = read(
        openai_responses, events(created, item("web_search_call"), item("function_call")), stream=True, ended=False
    )
    assert (reading.state, reading.response_id) == ("partial", "resp_1")
    assert [(leg.model, leg.usage.total, leg.fees) for leg in reading.legs] == [
        ("gpt", 0, (("web_search_call:search", 1),))
    ]
    assert not read(openai_responses, events(created, item("function_call")), stream=True, ended=False).legs


def test_a_snapshot_is_provisional_until_the_last_chunk() -> None:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}
    data = events({"candidates": [{"index": 0}], "usageMetadata": usage})
    reading = read(gemini, data, stream=True)
    assert (reading.state, reading.marks) == ("partial", ("provisional-usage",))
    whole = data + events({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage})
    assert read(gemini, whole, stream=True).marks == ()


HALVES: list[tuple[Dialect, bytes, bytes]] = [
    (anthropic, events(START), events({"type": "message_delta", "usage": {"output_tokens": 5}})),
    (openai_chat, events({"choices": [{"index": 0}]}), events({"choices": [], "usage": {"prompt_tokens": 5}})),
    (openai_responses, b"", events({"type": "response.completed", "response": {"usage": {"input_tokens": 5}}})),
    (gemini, b"", events({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"totalTokenCount": 5}})),
]


@pytest.mark.parametrize(("dialect", "before", "last"), HALVES, ids=lambda value: getattr(value, "NAME", ""))
def test_a_stream_that_ends_within_an_event_is_marked(dialect: Dialect, before: bytes, last: bytes) -> None:
    half = before + last[: len(last) // 2]
    assert "half-event" in read(dialect, half, stream=True).marks
    assert "half-event" not in read(dialect, half, stream=True, ended=False).marks
    assert "half-event" not in read(dialect, before, stream=True).marks
    # Some servers leave out the blank line behind the last event.
    assert "half-event" not in read(dialect, before + last.rstrip(b"\n"), stream=True).marks


def test_half_a_document_says_nothing() -> None:
    whole = body({"type": "message", "model": "claude", "usage": {"input_tokens": 7, "output_tokens": 3}})
    assert read(anthropic, whole[:-20], stream=False).state == "none"


def test_the_output_that_a_start_tells_is_a_placeholder() -> None:
    assert read(anthropic, events(START), stream=True, ended=False).marks == ("provisional-output",)
    counted = events(START, {"type": "message_delta", "usage": {"output_tokens": 5}})
    assert read(anthropic, counted, stream=True, ended=False).marks == ()
