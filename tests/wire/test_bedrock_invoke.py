from __future__ import annotations

from typing import Any

import pytest

from tests.wire.support import body, frame, read, unweighed, wrapped
from tokenguard.records import Facts, Reading, Usage
from tokenguard.wire import bedrock_invoke

PATH = "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke"
MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
METRICS = {
    "amazon-bedrock-invocationMetrics": {"inputTokenCount": 16, "outputTokenCount": 21, "invocationLatency": 738}
}
HEADERS = {
    "x-amzn-bedrock-input-token-count": "11",
    "x-amzn-bedrock-output-token-count": "5",
    "x-amzn-bedrock-cache-read-input-token-count": "3",
}


def whole(answer: object, headers: dict[str, str] | None = None) -> Reading:
    meter = bedrock_invoke.meter(Facts(MODEL), "bedrock", stream=False, headers=headers or {})
    meter.feed(body(answer))
    return meter.reading(ended=True)


def stream(*events: object, ended: bool = True) -> Reading:
    data = b"".join(map(wrapped, events))
    return read(bedrock_invoke, data, stream=True, ended=ended, facts=Facts(MODEL, stream=True))


@pytest.mark.parametrize(
    ("answer", "usage", "marks"),
    [
        ({"usage": {"inputTokens": 30, "outputTokens": 4, "cacheReadInputTokenCount": 9}}, Usage(30, 9, output=4), ()),
        ({"usage": {"inputTokens": 30}}, Usage(30), ("output-count-missing",)),
        ({"inputTextTokenCount": 5, "results": [{"tokenCount": 10}, {"tokenCount": 2}]}, Usage(5, output=12), ()),
        ({"embedding": [0.1], "inputTextTokenCount": 5}, Usage(5), ()),
        ({"generation": "x", "prompt_token_count": 7, "generation_token_count": 3}, Usage(7, output=3), ()),
        ({"choices": [], "usage": {"prompt_tokens": 8, "completion_tokens": 2}}, Usage(8, output=2), ()),
    ],
)
def test_every_maker_counts_in_its_own_words(answer: object, usage: Usage, marks: tuple[str, ...]) -> None:
    reading = whole(answer)
    assert (reading.state, reading.legs[0].model, reading.legs[0].usage, reading.marks) == (
        "final",
        MODEL,
        usage,
        marks,
    )


def test_claude_answers_as_it_does_at_anthropic() -> None:
    message = {"type": "message", "model": "claude-haiku-4-5", "usage": {"input_tokens": 3, "output_tokens": 44}}
    reading = whole(message, HEADERS)
    assert (reading.legs[0].model, reading.legs[0].usage) == ("claude-haiku-4-5", Usage(3, output=44))


def test_headers_are_the_bill_of_an_answer_without_usage() -> None:
    assert whole({"embeddings": [[0.5]]}).state == "none"
    assert whole({"embeddings": [[0.5]]}, HEADERS).legs[0].usage == Usage(11, 3, output=5)
    assert whole({"text": "x"}, {"x-amzn-bedrock-input-token-count": "9" * 40}).state == "none"


def test_a_stream_of_claude_is_read_by_its_events() -> None:
    start = {"type": "message_start", "message": {"model": "claude-haiku-4-5", "usage": {"input_tokens": 16}}}
    text = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hello"}}
    delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 21}}
    reading = stream(start, text, delta, {"type": "message_stop"} | METRICS, ended=False)
    assert (reading.state, reading.legs[0].model, reading.output_bytes) == ("final", "claude-haiku-4-5", 5)
    assert reading.legs[0].usage == Usage(16, output=21)
    assert stream(start, text, ended=False).state == "partial"


@pytest.mark.parametrize(
    "events",
    [
        [
            {"outputText": "a", "inputTextTokenCount": 28.0},
            {"outputText": "b", "totalOutputTextTokenCount": 2.0} | METRICS,
        ],
        [{"contentBlockDelta": {}}, METRICS],
    ],
)
def test_metrics_are_the_bill_of_a_stream_without_usage(events: list[object]) -> None:
    for ended in (True, False):
        reading = stream(*events, ended=ended)
        assert (reading.state, reading.legs[0].usage) == ("final", Usage(16, output=21))


def test_a_stream_of_nova_or_llama_that_is_cut_has_what_it_reported() -> None:
    nova = {"metadata": {"usage": {"inputTokens": 5, "outputTokens": 10}}}
    assert stream(nova, ended=False).state == "partial"
    assert stream(nova, ended=True).state == "final"
    llama: list[dict[str, Any]] = [
        {"generation": "a", "prompt_token_count": 7, "generation_token_count": 1},
        {"generation": "b", "prompt_token_count": None, "generation_token_count": 2},
    ]
    assert stream(*llama, ended=False).legs[0].usage == Usage(7, output=2)
    assert stream(llama[1] | METRICS, ended=False).legs[0].usage == Usage(16, output=2)


def test_counts_of_a_prompt_that_a_guardrail_blocked_are_no_bill() -> None:
    blocked = {"outputText": "Input blocked", "totalOutputTextTokenCount": 3.0, "inputTextTokenCount": 6.0}
    assert stream(blocked).state == "none"


def test_an_exception_in_a_stream_is_named() -> None:
    data = frame(b'{"message":"x"}', "modelStreamErrorException", ":exception-type")
    reading = read(bedrock_invoke, data, stream=True, facts=Facts(MODEL, stream=True))
    assert reading.error == "modelStreamErrorException"


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_gen_len": 7}, 7),
        ({"textGenerationConfig": {"maxTokenCount": 8}}, 8),
        ({"inferenceConfig": {"maxTokens": 9}}, 9),
        ({"inferenceConfig": {"max_new_tokens": 10}}, 10),
        ({}, None),
    ],
)
def test_facts_of_a_request(limits: dict[str, Any], limit: int | None) -> None:
    data = body({"tools": [{"type": "web_search_20250305"}], **limits})
    expected = Facts(
        MODEL, max_output=limit, body_bytes=len(data), has_tools=True, provided_tools=1, uncapped=("web_search",)
    )
    assert unweighed(bedrock_invoke.facts(PATH, data)) == expected
    assert bedrock_invoke.facts(PATH + "-with-response-stream", data).stream
