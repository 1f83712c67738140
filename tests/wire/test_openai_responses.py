from __future__ import annotations

from typing import Any

import pytest

from tests.wire.support import body, events, read, unweighed
from tokenguard.records import Context, Facts, Reading, Usage
from tokenguard.wire import openai_responses

CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5", "service_tier": "auto"}}
DELTA = {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "hello"}
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 15},
    "total_tokens": 120,
}


def last(kind: str = "completed", **response: Any) -> dict[str, Any]:
    known = {"id": "resp_1", "model": "gpt-5-2025-08-07", "status": kind, "service_tier": "priority", "usage": USAGE}
    return {"type": f"response.{kind}", "response": known | response}


def stream(*values: object, ended: bool = True) -> Reading:
    return read(openai_responses, events(*values, names=True), stream=True, ended=ended)


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_the_final_event_is_the_bill(kind: str) -> None:
    for ended in (True, False):
        reading = stream(CREATED, DELTA, DELTA, last(kind), ended=ended)
        (leg,) = reading.legs
        assert (leg.model, leg.context) == ("gpt-5-2025-08-07", Context("priority"))
        assert leg.usage == Usage(input=30, cache_read=60, cache_write_5m=10, output=20, reasoning=15)
        assert (reading.state, reading.response_id, reading.output_bytes) == ("final", "resp_1", 10)


def test_a_stream_that_breaks_off_has_no_bill() -> None:
    reading = stream(CREATED, DELTA)
    assert (reading.state, reading.model, reading.legs, reading.output_bytes) == ("none", "gpt-5", (), 5)


def test_a_whole_body_is_read_like_the_final_event() -> None:
    assert read(openai_responses, body(last()["response"]), stream=False).legs == stream(last()).legs
    queued = read(openai_responses, body({"id": "resp_1", "status": "queued", "usage": None}), stream=False)
    assert (queued.state, queued.response_id) == ("none", "resp_1")


def test_tools_are_counted_as_items_and_searches_by_action() -> None:
    output = [
        {"type": "web_search_call", "action": {"type": "search"}},
        {"type": "web_search_call", "action": {"type": "search"}},
        {"type": "web_search_call", "action": {"type": "open_page"}},
        {"type": "web_search_call"},
        {"type": "code_interpreter_call"},
        {"type": "brand_new_call"},
        *({"type": kind} for kind in ("message", "reasoning", "function_call", "local_shell_call", "custom_tool_call")),
    ]
    expected = (
        ("brand_new_call", 1),
        ("code_interpreter_call", 1),
        ("web_search_call", 1),
        ("web_search_call:open_page", 1),
        ("web_search_call:search", 2),
    )
    assert stream(last(output=output)).legs[0].fees == expected
    done = [{"type": "response.output_item.done", "item": item} for item in output]
    assert stream(*done, last(output=[])).legs[0].fees == expected
    assert stream(*done, last(output=output)).legs[0].fees == expected


def test_xai_reports_what_it_cost() -> None:
    leg = stream(last(usage=USAGE | {"cost_in_usd_ticks": 1_330_500, "num_sources_used": 2})).legs[0]
    assert (leg.cost_nanos, leg.fees) == (133_050, (("num_sources_used", 2),))


@pytest.mark.parametrize(
    ("details", "expected", "mark"),
    [
        ({"cached_tokens": 95, "cache_write_tokens": 95}, Usage(0, 95, 5, 0, 20, 15), "cache-fields-overlap"),
        ({"cached_tokens": 101, "cache_write_tokens": 3}, Usage(100, 101, 3, 0, 20, 15), "contradictory-usage"),
    ],
)
def test_a_cache_that_does_not_fit_is_marked(details: dict[str, int], expected: Usage, mark: str) -> None:
    reading = stream(last(usage=USAGE | {"input_tokens_details": details}))
    assert (reading.legs[0].usage, reading.marks) == (expected, (mark,))


def test_usage_of_nothing_is_no_usage() -> None:
    reading = stream(last(usage={"input_tokens": 0, "output_tokens": 0}))
    assert (reading.state, reading.legs, reading.marks) == ("none", (), ("all-zero-usage",))


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (last("failed", usage=None, error={"code": "server_is_sad", "message": "x"}), "server_is_sad"),
        ({"type": "error", "code": "rate", "message": "x"}, "rate"),
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "x"}}, "invalid_request_error"),
        ({"type": "error"}, "error"),
    ],
)
def test_an_error_is_named(event: dict[str, Any], name: str) -> None:
    reading = stream(CREATED, event)
    assert (reading.state, reading.error) == ("none", name)


def test_the_error_of_a_whole_body_is_named() -> None:
    error = {"error": {"message": "x", "type": "invalid_request_error", "code": None}}
    assert read(openai_responses, body(error), stream=False).error == "invalid_request_error"


def test_facts_of_a_request() -> None:
    data = body(
        {
            "model": "gpt-5",
            "stream": True,
            "max_output_tokens": 500,
            "tools": [{"type": "function", "name": "f"}, {"type": "custom"}],
            "service_tier": "priority",
            "input": [{"role": "user", "content": "hi"}],
        }
    )
    assert unweighed(openai_responses.facts("/v1/responses", data)) == Facts(
        "gpt-5", stream=True, max_output=500, body_bytes=len(data), has_tools=True, tier="priority", least_output=16
    )


@pytest.mark.parametrize(
    ("request_", "uncapped"),
    [
        ({"tools": [{"type": "web_search"}, {"type": "code_interpreter"}]}, ("code_interpreter", "web_search")),
        ({"tools": [{"type": "web_search"}], "max_tool_calls": 3}, ()),
        ({"previous_response_id": "resp_0", "conversation": "conv_1"}, ("conversation", "previous_response_id")),
        ({"previous_response_id": None, "conversation": None}, ()),
        ({"prompt": {"id": "pmpt_1"}}, ("prompt",)),
        ({"input": [{"type": "input_image", "image_url": "https://x"}]}, ("remote-content",)),
        ({"input": [{"type": "item_reference", "id": "x"}]}, ("remote-content",)),
        ({"input": [{"type": "input_file", "file_id": "file-1"}]}, ("remote-content",)),
        ({"input": [{"type": "input_image", "detail": "low", "file_id": "file-1"}]}, ("remote-content",)),
        ({"input": [{"file_id": "file-1", "type": "input_image"}]}, ("remote-content",)),
        ({"input": [{"type": "file_citation", "file_id": "file-1"}]}, ()),
        ({"input": "hi", "context_management": [{"type": "compaction", "compact_threshold": 9}]}, ("compaction",)),
    ],
)
def test_what_takes_the_bound_from_a_call(request_: dict[str, Any], uncapped: tuple[str, ...]) -> None:
    assert openai_responses.facts("/v1/responses", body({"model": "m"} | request_)).uncapped == uncapped
