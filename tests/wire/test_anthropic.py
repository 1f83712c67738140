from __future__ import annotations

from typing import Any

import pytest

from tests.wire.support import body, events, read, unweighed
from tokenguard.records import Context, Facts, Reading, Usage
from tokenguard.wire import anthropic

SPLIT = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}


def start(**usage: Any) -> dict[str, Any]:
    return {"type": "message_start", "message": {"id": "msg_1", "model": "claude-sonnet-4-6", "usage": usage}}


def block(kind: str = "text") -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": {"type": kind}}


def text(value: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": value}}


def delta(stop_reason: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": usage}


STOP = {"type": "message_stop"}


def stream(*values: object, ended: bool = True) -> Reading:
    compact = events(*values, names=True).replace(b", ", b",").replace(b": {", b":{").replace(b'": "', b'":"')
    return read(anthropic, compact, stream=True, ended=ended)


def whole(content: list[Any] | None = None, stop_reason: str = "end_turn", **usage: Any) -> Reading:
    message = {"type": "message", "id": "msg_1", "model": "claude-sonnet-4-6", "stop_reason": stop_reason}
    filled = [{"type": "text", "text": "hi"}] if content is None else content
    return read(anthropic, body(message | {"content": filled, "usage": usage}), stream=False)


def test_a_stream_is_the_last_delta_and_not_the_start() -> None:
    reading = stream(
        start(input_tokens=2_479, output_tokens=1, service_tier="standard", inference_geo="us", speed="fast"),
        block(),
        text("hello"),
        delta(stop_reason=None, input_tokens=90_000, output_tokens=5),
        delta(input_tokens=404_500, output_tokens=300, output_tokens_details={"thinking_tokens": 40}),
        STOP,
    )
    (leg,) = reading.legs
    assert leg.usage == Usage(input=404_500, output=300, reasoning=40)
    assert leg.context == Context("standard", "fast", "us")
    assert (reading.state, reading.model, reading.response_id) == ("final", "claude-sonnet-4-6", "msg_1")
    assert (reading.output_bytes, reading.marks) == (5, ())


def test_a_stream_without_its_end_is_partial_and_reports_what_it_has() -> None:
    head = (start(input_tokens=50, cache_read_input_tokens=7, output_tokens=1), block(), text("four"), text(" more"))
    for ended in (False, True):
        reading = stream(*head, ended=ended)
        assert reading.state == "partial"
        assert reading.legs[0].usage == Usage(input=50, cache_read=7, output=1)
        assert reading.output_bytes == 9
    assert stream(*head, delta(output_tokens=9), ended=False).state == "partial"
    assert stream(*head, delta(output_tokens=9), ended=True).state == "final"
    assert stream(*head, delta(output_tokens=9), STOP, ended=False).state == "final"
    assert stream().state == "none"


def test_a_delta_with_the_output_only_keeps_the_input_of_the_start() -> None:
    reading = stream(start(input_tokens=4, cache_creation_input_tokens=1_167), delta(output_tokens=289), STOP)
    assert reading.legs[0].usage == Usage(input=4, cache_write_5m=1_167, output=289)


def test_a_later_cache_read_of_zero_replaces_the_one_of_the_start() -> None:
    reading = stream(
        start(input_tokens=100, cache_read_input_tokens=55_096, cache_creation_input_tokens=0, output_tokens=7),
        delta(input_tokens=181, cache_read_input_tokens=0, cache_creation_input_tokens=0, output_tokens=8),
        STOP,
    )
    assert reading.legs[0].usage == Usage(input=181, output=8)


def test_zeros_of_compatible_endpoints_say_nothing() -> None:
    zeros: dict[str, Any] = {"input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    in_delta = stream(start(input_tokens=30, cache_read_input_tokens=5), delta(**zeros, output_tokens=4), STOP)
    assert in_delta.legs[0].usage == Usage(input=30, cache_read=5, output=4)
    assert in_delta.marks == ("zero-input-ignored",)
    in_start = stream(start(**zeros, output_tokens=0), delta(input_tokens=30, output_tokens=4), STOP)
    assert (in_start.legs[0].usage, in_start.marks) == (Usage(input=30, output=4), ())
    in_both = stream(start(**zeros, output_tokens=0), delta(**zeros, output_tokens=4), STOP)
    assert (in_both.state, in_both.marks) == ("partial", ("all-zero-usage",))


def test_cache_writes_are_split_by_their_lifetime() -> None:
    split = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 20}
    reading = whole(input_tokens=1, cache_creation_input_tokens=120, cache_creation=split, output_tokens=2)
    assert reading.legs[0].usage == Usage(input=1, cache_write_5m=100, cache_write_1h=20, output=2)
    assert reading.marks == ()


@pytest.mark.parametrize(
    ("short", "long", "total", "expected", "mark"),
    [
        (3_068, 0, 3_337, (3_337, 0), "ttl-split-assumed"),
        (0, 3_068, 3_337, (0, 3_337), "ttl-split-assumed"),
        (0, 0, 3_337, (3_337, 0), "ttl-split-assumed"),
        (1_000, 2_000, 3_337, (1_000, 2_337), "ttl-split-unknown"),
        (1_000, 2_000, 600, (600, 0), "ttl-split-unknown"),
        (3_068, 0, 0, (0, 0), None),
    ],
)
def test_a_split_that_does_not_add_up_is_completed_and_marked(
    short: int, long: int, total: int, expected: tuple[int, int], mark: str | None
) -> None:
    split = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    reading = stream(
        start(input_tokens=2, cache_creation_input_tokens=short + long, cache_creation=split, output_tokens=1),
        delta(input_tokens=6, cache_creation_input_tokens=total, cache_read_input_tokens=1, output_tokens=9),
        STOP,
    )
    usage = reading.legs[0].usage
    assert (usage.cache_write_5m, usage.cache_write_1h) == expected
    assert reading.marks == ((mark,) if mark else ())


def test_iterations_are_the_legs_and_the_last_answer_carries_fees_and_thinking() -> None:
    reading = whole(
        input_tokens=4_727,
        output_tokens=3_391,
        output_tokens_details={"thinking_tokens": 50},
        server_tool_use={"web_search_requests": 2, "web_fetch_requests": 0, "new_thing_requests": 1},
        iterations=[
            {"type": "compaction", "input_tokens": 100, "cache_read_input_tokens": 55_096, "output_tokens": 83},
            {"type": "message", "input_tokens": 1_051, "output_tokens": 35},
            {"type": "message", "input_tokens": 3_676, "output_tokens": 3_356},
            {"type": "advisor_message", "model": "claude-opus-4-7", "input_tokens": 2_728, "output_tokens": 3_880},
        ],
    )
    assert [(leg.kind, leg.model, leg.usage.prompt, leg.usage.output, leg.usage.reasoning) for leg in reading.legs] == [
        ("compaction", "claude-sonnet-4-6", 55_196, 83, 0),
        ("message", "claude-sonnet-4-6", 1_051, 35, 0),
        ("message", "claude-sonnet-4-6", 3_676, 3_356, 50),
        ("advisor_message", "claude-opus-4-7", 2_728, 3_880, 0),
    ]
    assert [leg.fees for leg in reading.legs] == [(), (), (("new_thing", 1), ("web_search", 2)), ()]
    assert all(leg.billed for leg in reading.legs)


@pytest.mark.parametrize(("declined_output", "billed"), [(0, False), (12, True)])
def test_a_declined_attempt_is_billed_only_for_what_it_said(declined_output: int, billed: bool) -> None:
    reading = whole(
        content=[{"type": "fallback"}, {"type": "text", "text": "x"}],
        input_tokens=412,
        output_tokens=264,
        iterations=[
            {"type": "message", "model": "claude-fable-5", "input_tokens": 408, "output_tokens": declined_output},
            {"type": "fallback_message", "model": "claude-opus-4-8", "input_tokens": 412, "output_tokens": 264},
        ],
    )
    assert [leg.billed for leg in reading.legs] == [billed, True]


@pytest.mark.parametrize(
    ("content", "billed"),
    [([], False), ([{"type": "fallback"}], False), ([{"type": "text", "text": "I"}], True)],
)
def test_a_refusal_is_billed_if_there_was_content(content: list[Any], billed: bool) -> None:
    assert whole(content, "refusal", input_tokens=18, output_tokens=5).legs[0].billed is billed
    streamed = stream(
        start(input_tokens=18, output_tokens=1),
        *(block(part["type"]) for part in content),
        delta("refusal", output_tokens=5),
        STOP,
    )
    assert streamed.legs[0].billed is billed
    assert streamed.usage.total == (23 if billed else 0)


def test_an_error_in_a_stream_leaves_what_was_reported() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    reading = stream(start(input_tokens=50, output_tokens=1), text("abc"), error)
    assert (reading.state, reading.error, reading.legs[0].usage.input) == ("partial", "overloaded_error", 50)
    alone = read(anthropic, body(error), stream=False)
    assert (alone.state, alone.error, alone.legs) == ("none", "overloaded_error", ())


def test_a_count_that_cannot_be_read_is_marked() -> None:
    reading = whole(input_tokens=-3, cache_read_input_tokens=8, output_tokens="7")
    assert (reading.legs[0].usage, reading.marks) == (Usage(cache_read=8, output=7), ("malformed-usage",))


def test_the_requested_model_stands_in_for_one_that_is_not_named() -> None:
    reading = read(anthropic, body({"type": "message", "usage": {"input_tokens": 1}}), stream=False)
    assert reading.legs[0].model == "asked-model"
    assert reading.model is None


def test_facts_of_a_request() -> None:
    request: dict[str, Any] = {
        "model": "claude-opus-5",
        "max_tokens": 32_000,
        "stream": True,
        "service_tier": "auto",
        "speed": "fast",
        "tools": [{"name": "read", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}],
        "messages": [{"role": "user", "content": "hi"}],
    }
    data = body(request)
    assert unweighed(anthropic.facts("/v1/messages", data)) == Facts(
        "claude-opus-5",
        stream=True,
        max_output=32_000,
        body_bytes=len(data),
        has_tools=True,
        provided_tools=1,
        tier="auto",
        speed="fast",
    )


@pytest.mark.parametrize(
    ("request_", "uncapped"),
    [
        ({"tools": [{"type": "web_search_20250305"}]}, ("web_search",)),
        ({"tools": [{"type": "web_search_20250305", "max_uses": 3}]}, ()),
        ({"tools": [{"type": "advisor_20260301", "max_uses": 3}]}, ("advisor",)),
        ({"tools": [{"type": "custom", "name": "x"}, {"type": "text_editor_20250728"}]}, ()),
        ({"mcp_servers": [{"type": "url"}]}, ("mcp_servers", "remote-content")),
        ({"fallbacks": [{"model": "claude-opus-4-8"}]}, ("fallbacks",)),
        ({"context_management": {"edits": [{"type": "compact_20260112"}]}}, ("compaction",)),
        ({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}, ()),
        ({"messages": [{"content": [{"source": {"type": "file", "file_id": "file_01"}}]}]}, ("remote-content",)),
        ({"messages": [{"content": [{"input": {"file_id": "mine"}}]}]}, ()),
        ({"max_tokens": "lots"}, ("malformed-request",)),
    ],
)
def test_what_takes_the_bound_from_a_call(request_: dict[str, Any], uncapped: tuple[str, ...]) -> None:
    assert anthropic.facts("/v1/messages", body({"model": "m"} | request_)).uncapped == uncapped


@pytest.mark.parametrize("data", [b"", b"[]", b'"x"', b"{"])
def test_a_body_of_another_kind_has_no_facts(data: bytes) -> None:
    with pytest.raises(ValueError, match="JSON object"):
        anthropic.facts("/v1/messages", data)
