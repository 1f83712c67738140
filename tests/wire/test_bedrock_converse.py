from __future__ import annotations

from typing import Any

import pytest

from tests.wire.support import body, frame, read, unweighed
from tokenguard.records import Context, Facts, Usage
from tokenguard.wire import bedrock_converse

PATH = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {"inputTokens": 3, "outputTokens": 121, "cacheReadInputTokens": 1_712, "cacheWriteInputTokens": 236}
ASKED = Facts(MODEL, stream=True)


def test_the_input_excludes_the_cache_and_the_model_is_that_of_the_path() -> None:
    answer = {
        "output": {},
        "usage": USAGE,
        "serviceTier": {"type": "flex"},
        "performanceConfig": {"latency": "optimized"},
    }
    reading = read(bedrock_converse, body(answer), stream=False, facts=Facts(MODEL))
    (leg,) = reading.legs
    assert (leg.model, leg.usage) == (MODEL, Usage(3, 1_712, 236, 0, 121))
    assert leg.context == Context("flex", "optimized")
    assert reading.state == "final"


@pytest.mark.parametrize(("long", "expected"), [(100, (136, 100)), (900, (0, 236))])
def test_cache_writes_for_an_hour_are_told_apart(long: int, expected: tuple[int, int]) -> None:
    details = [{"ttl": "5m", "inputTokens": 136}, {"ttl": "1h", "inputTokens": long}]
    answer = {"usage": USAGE | {"cacheDetails": details}}
    usage = read(bedrock_converse, body(answer), stream=False).legs[0].usage
    assert (usage.cache_write_5m, usage.cache_write_1h) == expected


def test_a_stream_has_its_usage_in_the_metadata() -> None:
    delta = frame(b'{"contentBlockIndex":0,"delta":{"text":"hello"},"p":"abcd"}', "contentBlockDelta")
    metadata = frame(body({"usage": USAGE, "trace": {"promptRouter": {"invokedModelId": "served"}}}), "metadata")
    reading = read(bedrock_converse, delta + metadata, stream=True, facts=ASKED, ended=False)
    assert (reading.state, reading.legs[0].model, reading.output_bytes) == ("final", "served", 5)
    cut = read(bedrock_converse, delta + metadata[:-1], stream=False, facts=ASKED)
    assert (cut.state, cut.output_bytes) == ("none", 5)


def test_an_exception_in_a_stream_is_named() -> None:
    stream = frame(b'{"message":"slow down"}', "throttlingException", ":exception-type")
    assert read(bedrock_converse, stream, stream=True, facts=ASKED).error == "throttlingException"


def test_a_corrupt_frame_is_marked() -> None:
    assert read(bedrock_converse, b"x" * 30, stream=True, facts=ASKED).marks == ("corrupt-frame",)


def test_counts_that_are_missing_are_marked() -> None:
    reading = read(bedrock_converse, body({"usage": {"totalTokens": 5}}), stream=False)
    assert reading.marks == ("output-count-missing", "prompt-count-missing")


def test_facts_of_a_request() -> None:
    data = body(
        {
            "messages": [],
            "inferenceConfig": {"maxTokens": 100},
            "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]},
            "serviceTier": {"type": "priority"},
            "performanceConfig": {"latency": "standard"},
        }
    )
    expected = Facts(MODEL, max_output=100, body_bytes=len(data), has_tools=True, tier="priority")
    assert unweighed(bedrock_converse.facts(PATH, data)) == expected
    assert bedrock_converse.facts(PATH + "-stream", data).stream
    with pytest.raises(ValueError, match="JSON object"):
        bedrock_converse.facts(PATH, b"[]")


@pytest.mark.parametrize(
    ("request_", "uncapped"),
    [
        ({"toolConfig": {"tools": [{"systemTool": {"name": "nova_code_interpreter"}}]}}, ("systemTool",)),
        ({"messages": [{"content": [{"document": {"source": {"s3Location": "s3://x"}}}]}]}, ("remote-content",)),
    ],
)
def test_what_takes_the_bound_from_a_call(request_: dict[str, Any], uncapped: tuple[str, ...]) -> None:
    assert bedrock_converse.facts(PATH, body(request_)).uncapped == uncapped
