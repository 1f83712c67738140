from __future__ import annotations

from typing import Any

import pytest

from tests.wire.support import body, events, read, unweighed
from tokenguard.records import Context, Facts, Reading, Usage
from tokenguard.wire import openai_chat

DONE = b"data: [DONE]\n\n"
CHUNK: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "model": "gpt-5",
    "service_tier": "default",
}


def content(text: str = "hello", finish: str | None = None) -> dict[str, Any]:
    return CHUNK | {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}


def report(usage: dict[str, Any]) -> dict[str, Any]:
    """The extra chunk that `include_usage` asks for."""
    return {**CHUNK, "choices": (), "usage": usage}


def stream(*values: object, ended: bool = True, provider: str = "openai") -> Reading:
    return read(openai_chat, events(*values) + (DONE if ended else b""), stream=True, ended=ended, provider=provider)


def whole(provider: Any = "openai", **usage: Any) -> Reading:
    answer: dict[str, Any] = CHUNK | {
        "choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}],
        "usage": usage,
    }
    return read(openai_chat, body(answer), stream=False, provider=provider)


def test_a_stream_is_the_chunk_without_choices() -> None:
    usage = {"prompt_tokens": 300, "completion_tokens": 20, "total_tokens": 320}
    reading = stream(content(), content(' "more"', "stop"), report(usage))
    (leg,) = reading.legs
    assert (leg.model, leg.usage, leg.context) == ("gpt-5", Usage(input=300, output=20), Context("default"))
    assert (reading.state, reading.response_id, reading.output_bytes) == ("final", "chatcmpl-1", 14)


def test_a_stream_without_usage_names_its_model_only() -> None:
    reading = stream(content(), content(finish="stop"))
    assert (reading.state, reading.model, reading.legs, reading.output_bytes) == ("none", "gpt-5", (), 10)


def test_usage_that_runs_along_is_partial_until_the_choice_is_finished() -> None:
    def chunk(output: int, finish: str | None) -> dict[str, Any]:
        return content(finish=finish) | {"usage": {"prompt_tokens": 30, "completion_tokens": output}}

    assert stream(chunk(1, None), chunk(2, None), ended=False).state == "partial"
    reading = stream(chunk(1, None), chunk(2, None), chunk(9, "stop"), ended=False)
    assert (reading.state, reading.legs[0].usage) == ("final", Usage(input=30, output=9))


def test_a_later_chunk_without_usage_does_not_unsay_it() -> None:
    usage = {"prompt_tokens": 30, "completion_tokens": 9}
    reading = stream(content(finish="stop") | {"usage": usage}, content("") | {"usage": None})
    assert (reading.state, reading.legs[0].usage) == ("final", Usage(input=30, output=9))


def test_groq_reports_in_a_field_of_its_own() -> None:
    usage = {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39}
    reading = stream(content(), content(finish="stop") | {"x_groq": {"id": "req", "usage": usage}}, provider="groq")
    assert (reading.state, reading.legs[0].usage) == ("final", Usage(input=30, output=9))


@pytest.mark.parametrize(
    ("usage", "expected", "marks"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}}, Usage(10, 60, 30, 0, 20), ()),
        ({"num_cached_tokens": 60}, Usage(40, 60, output=20), ()),
        ({"prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40}, Usage(40, 60, output=20), ()),
        ({"cached_tokens": 60}, Usage(40, 60, output=20), ()),
        (
            {"prompt_tokens_details": {"cached_tokens": 95, "cache_write_tokens": 95}},
            Usage(0, 95, 5, 0, 20),
            ("cache-fields-overlap",),
        ),
        (
            {"prompt_tokens_details": {"cached_tokens": 101, "cache_write_tokens": 3}},
            Usage(100, 101, 3, 0, 20),
            ("contradictory-usage",),
        ),
        ({"completion_tokens_details": {"reasoning_tokens": 15}}, Usage(100, output=20, reasoning=15), ()),
        ({"completion_tokens_details": {"reasoning_tokens": 25}}, Usage(100, output=20, reasoning=20), ()),
        ({"total_tokens": 150}, Usage(100, output=50), ("hidden-output",)),
        ({"total_tokens": 0}, Usage(100, output=20), ()),
        ({"completion_tokens_details": {"audio_tokens": 3}}, Usage(100, output=20), ("modality-priced-as-text",)),
        ({"completion_tokens": None}, Usage(100), ("output-count-missing",)),
        ({"prompt_tokens": None}, Usage(output=20), ("prompt-count-missing",)),
    ],
)
def test_buckets_are_disjoint_in_every_dialect(usage: dict[str, Any], expected: Usage, marks: tuple[str, ...]) -> None:
    reading = whole(**{"prompt_tokens": 100, "completion_tokens": 20} | usage)
    assert (reading.legs[0].usage, reading.marks) == (expected, marks)


def test_reasoning_of_xai_is_outside_the_completion_with_and_without_a_total() -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 228}}
    for total in ({}, {"total_tokens": 241}):
        assert whole("xai", **usage, **total).legs[0].usage == Usage(input=12, output=229, reasoning=228)
    assert whole("openai", **usage).legs[0].usage.output == 1


@pytest.mark.parametrize(
    ("usage", "nanos", "marks"),
    [
        ({"cost": 0.00183, "cost_details": {"upstream_inference_cost": 0.00183}, "is_byok": False}, 1_830_000, ()),
        ({"cost": 0, "is_byok": False}, 0, ()),
        ({"cost": 0.0001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.002}}, 2_100_000, ()),
        (
            {"cost": 0.0001, "is_byok": True, "cost_details": {"upstream_inference_cost": None}},
            None,
            ("fee-only-cost",),
        ),
        ({"cost": 0.5}, None, ()),
        ({"cost": {"total_cost": 0.007}}, 7_000_000, ()),
        ({"cost_in_usd_ticks": 1_176_500}, 117_650, ()),
        ({"cost": -1, "is_byok": False}, None, ()),
        ({}, None, ()),
    ],
)
def test_the_providers_own_cost(usage: dict[str, Any], nanos: int | None, marks: tuple[str, ...]) -> None:
    reading = whole(prompt_tokens=10, completion_tokens=1, **usage)
    assert (reading.legs[0].cost_nanos, reading.marks) == (nanos, marks)


def test_openrouter_is_believed_without_further_proof() -> None:
    assert whole("openrouter", prompt_tokens=1, completion_tokens=1, cost=0.5).legs[0].cost_nanos == 500_000_000


def test_tools_that_the_provider_ran_are_fees() -> None:
    details = {"web_search_requests": 2, "tool_calls_requested": 5, "tool_calls_executed": 3, "other": 0}
    leg = whole(prompt_tokens=1, completion_tokens=1, server_tool_use_details=details, num_sources_used=4).legs[0]
    assert leg.fees == (("num_sources_used", 4), ("tool_calls_executed", 3), ("web_search_requests", 2))


def test_usage_of_nothing_is_no_usage() -> None:
    reading = whole(prompt_tokens=0, completion_tokens=0, total_tokens=0)
    assert (reading.state, reading.legs, reading.marks) == ("none", (), ("all-zero-usage",))


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ({"message": "no", "type": "invalid_request_error", "code": "invalid_value"}, "invalid_request_error"),
        ({"message": "no", "code": 502}, "502"),
        ({"message": "no"}, "error"),
        ("no", "error"),
    ],
)
def test_an_error_is_named(error: object, name: str) -> None:
    assert read(openai_chat, body({"error": error}), stream=False).error == name
    assert stream(content(), {"error": error}, ended=False).error == name


def test_facts_of_a_request() -> None:
    data = body(
        {
            "model": "gpt-5",
            "stream": True,
            "max_tokens": 5,
            "max_completion_tokens": 1_000,
            "n": 2,
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "service_tier": "flex",
        }
    )
    assert unweighed(openai_chat.facts("/v1/chat/completions", data)) == Facts(
        "gpt-5", stream=True, max_output=2_000, body_bytes=len(data), has_tools=True, tier="flex", least_output=2
    )


def test_the_model_of_azure_is_in_the_path() -> None:
    path = "/openai/deployments/my-gpt/chat/completions"
    assert openai_chat.facts(path, b'{"messages":[]}').model == "my-gpt"
    assert openai_chat.facts(path, b'{"model":"gpt-5"}').model == "gpt-5"


@pytest.mark.parametrize(
    ("request_", "uncapped"),
    [
        ({"tools": [{"type": "openrouter:web_search"}]}, ("openrouter:web_search",)),
        ({"web_search_options": {}}, ("web_search",)),
        ({"model": "openai/gpt-5:online"}, ("web_search",)),
        ({"search_parameters": {"mode": "on"}}, ("search_parameters",)),
        ({"plugins": [{"id": "web"}]}, ("plugins",)),
        ({"models": ["x-ai/grok-4"]}, ("models",)),
        ({"models": []}, ()),
        ({"n": 3}, ("n",)),
        ({"n": 3, "max_tokens": 5}, ()),
        ({"model": "grok-3-mini"}, ("reasoning",)),
        ({"messages": [{"content": [{"image_url": {"url": "https://x"}}]}]}, ("remote-content",)),
        ({"messages": [{"content": [{"image_url": {"url": "data:image/png;base64,AAAA"}}]}]}, ()),
    ],
)
def test_what_takes_the_bound_from_a_call(request_: dict[str, Any], uncapped: tuple[str, ...]) -> None:
    assert openai_chat.facts("/v1/chat/completions", body({"model": "m"} | request_)).uncapped == uncapped
