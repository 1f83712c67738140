from __future__ import annotations

from typing import Any

import pytest

from tests.wire.support import body, events, read, unweighed
from tokenguard.records import Context, Facts, Reading, Usage
from tokenguard.wire import gemini

STREAM = "/v1beta/models/gemini-2.5-pro:streamGenerateContent"


def chunk(text: Any = "hello", finish: Any = None, **usage: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "models/gemini-2.5-pro",
        "responseId": "r",
    }


def stream(*values: object, ended: bool = True) -> Reading:
    return read(gemini, events(*values), stream=True, ended=ended)


def test_the_last_snapshot_with_a_total_is_the_bill() -> None:
    reading = stream(
        chunk(promptTokenCount=9, candidatesTokenCount=5, totalTokenCount=14),
        chunk(
            finish="STOP",
            promptTokenCount=100,
            cachedContentTokenCount=40,
            toolUsePromptTokenCount=7,
            candidatesTokenCount=10,
            thoughtsTokenCount=30,
            totalTokenCount=147,
            serviceTier="flex",
        ),
        chunk("", trafficType="ON_DEMAND"),
        ended=False,
    )
    (leg,) = reading.legs
    assert leg.usage == Usage(input=67, cache_read=40, output=40, reasoning=30)
    assert (leg.model, leg.context) == ("gemini-2.5-pro", Context("ON_DEMAND"))
    assert (reading.state, reading.response_id, reading.output_bytes, reading.marks) == ("final", "r", 10, ())


def test_candidates_that_fall_make_it_an_estimate() -> None:
    reading = stream(
        chunk(promptTokenCount=9, candidatesTokenCount=21, totalTokenCount=30),
        chunk(finish="STOP", promptTokenCount=9, thoughtsTokenCount=8, totalTokenCount=17),
    )
    assert (reading.legs[0].usage.output, reading.marks) == (8, ("candidates-fell",))


def test_a_stream_is_final_with_its_reason_to_finish() -> None:
    running = chunk(promptTokenCount=9, candidatesTokenCount=2, totalTokenCount=11)
    assert stream(running, ended=False).state == "partial"
    assert stream(running, ended=True).state == "partial"
    assert stream(running, chunk(finish="STOP"), {"error": {"code": 500}}).state == "partial"
    assert stream(running | {"promptFeedback": {"blockReason": "SAFETY"}}).state == "final"
    assert stream(running, chunk(finish="STOP"), ended=False).state == "final"
    assert stream({"candidates": []}).state == "none"


def test_a_total_beyond_its_parts_hides_output() -> None:
    reading = stream(chunk(finish="STOP", promptTokenCount=9, candidatesTokenCount=2, totalTokenCount=111))
    assert (reading.legs[0].usage, reading.marks) == (Usage(input=9, output=102), ("hidden-output",))


@pytest.mark.parametrize(
    ("details", "marks"),
    [
        ({"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}]}, ("modality-priced-as-text",)),
        ({"promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}]}, ()),
        ({"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 5}]}, ("modality-priced-as-text",)),
        ({"candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}, ()),
        ({"promptTokenCount": None}, ("hidden-output", "prompt-count-missing")),
        ({"cachedContentTokenCount": 30}, ("contradictory-usage",)),
    ],
)
def test_what_makes_a_bill_inexact_is_marked(details: dict[str, Any], marks: tuple[str, ...]) -> None:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14} | details
    assert stream(chunk(finish="STOP", **usage)).marks == marks


def test_grounding_is_a_fee_by_prompt_and_by_query() -> None:
    usage: dict[str, Any] = {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14}
    grounded = chunk(finish="STOP", **usage)
    grounded["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["a", "b"], "groundingChunks": [{"maps": {}}]}
    expected = (("grounded_maps_prompt", 1), ("grounded_prompt", 1), ("grounding_web_search_queries", 2))
    assert stream(chunk(**usage), grounded).legs[0].fees == expected
    assert stream(chunk(**usage)).legs[0].fees == ()


def test_a_whole_body_needs_no_reason_to_finish() -> None:
    answer = chunk(promptTokenCount=9, candidatesTokenCount=2, totalTokenCount=11)
    assert read(gemini, b" " + body(answer), stream=False).state == "final"
    assert read(gemini, body([answer]), stream=False).state == "partial"


def test_an_array_of_chunks_is_a_stream_too_even_when_it_is_cut() -> None:
    first = chunk(promptTokenCount=9, candidatesTokenCount=2, totalTokenCount=11)
    second = chunk("}, {", promptTokenCount=9, candidatesTokenCount=5, totalTokenCount=14)
    third = chunk(finish="STOP", promptTokenCount=9, candidatesTokenCount=9, totalTokenCount=18)
    data = body([first, second, third])
    assert read(gemini, data, stream=False).legs[0].usage.output == 9
    cut = data[: data.rindex(b"totalTokenCount")]
    reading = read(gemini, cut, stream=False, ended=True)
    assert (reading.legs[0].usage.output, reading.output_bytes) == (5, len(cut))
    assert read(gemini, data[:50], stream=False, ended=True).state == "none"


@pytest.mark.parametrize(
    ("error", "name"), [({"code": 404, "status": "NOT_FOUND"}, "NOT_FOUND"), ({"code": 404}, "404"), ({}, "error")]
)
def test_an_error_is_named(error: dict[str, Any], name: str) -> None:
    assert read(gemini, body({"error": error}), stream=False).error == name
    assert stream({"error": error}).error == name


@pytest.mark.parametrize("config", ["generationConfig", "generation_config"])
def test_facts_of_a_request(config: str) -> None:
    names = (
        ("maxOutputTokens", "candidateCount")
        if config == "generationConfig"
        else ("max_output_tokens", "candidate_count")
    )
    data = body(
        {
            "contents": [{"parts": [{"text": "hi"}]}],
            config: {names[0]: 100, names[1]: 2},
            "tools": [{"functionDeclarations": [{"name": "f"}]}],
            "serviceTier": "flex",
        }
    )
    assert unweighed(gemini.facts(STREAM, data)) == Facts(
        "gemini-2.5-pro", stream=True, max_output=200, body_bytes=len(data), has_tools=True, tier="flex", least_output=2
    )
    assert not gemini.facts(STREAM.replace(":stream", ":").replace(":G", ":g"), data).stream


EMPTY: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("request_", "uncapped"),
    [
        ({"tools": [{"googleSearch": EMPTY}, {"url_context": EMPTY}]}, ("googleSearch", "url_context")),
        ({"cachedContent": "cachedContents/1"}, ("cachedContent",)),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "https://x"}}]}]}, ("remote-content",)),
        ({"generationConfig": {"candidateCount": 2}}, ("candidateCount",)),
        ({"generationConfig": {"maxOutputTokens": "many"}}, ("malformed-request",)),
    ],
)
def test_what_takes_the_bound_from_a_call(request_: dict[str, Any], uncapped: tuple[str, ...]) -> None:
    assert gemini.facts(STREAM, body(request_)).uncapped == uncapped
