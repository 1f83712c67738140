"""What holds for every dialect: its requests, its refusals, and meters that nothing can break."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.support import FACTS, frame, read_pieces
from tests.wire.test_sse import cut
from tokenguard import wire
from tokenguard.records import Facts
from tokenguard.wire.sse import MAX_EVENT

CLAIMS = {
    "anthropic-messages": ["/v1/messages", "/anthropic/v1/messages", "/api/anthropic/v1/messages/"],
    "openai-responses": ["/v1/responses", "/responses", "/backend-api/codex/responses", "/v1/responses/compact"],
    "openai-chat": [
        "/v1/chat/completions",
        "/chat/completions",
        "/api/v1/chat/completions",
        "/openai/deployments/gpt/chat/completions",
        "/v1beta/openai/chat/completions",
    ],
    "gemini": [
        "/v1beta/models/gemini-2.5-pro:generateContent",
        "/v1/models/gemini-2.5-pro:streamGenerateContent",
        "/v1/projects/p/locations/global/publishers/google/models/gemini-3-pro:streamGenerateContent",
    ],
    "code-assist": ["/v1internal:generateContent", "/v1internal:streamGenerateContent"],
    "vertex-anthropic": [
        "/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4@20250514:rawPredict",
        "/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4@20250514:streamRawPredict",
    ],
    "bedrock-converse": [
        "/model/amazon.nova-lite-v1%3A0/converse-stream",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fx/converse",
    ],
    "bedrock-invoke": [
        "/model/anthropic.claude-v2/invoke-with-response-stream",
        "/model/anthropic.claude-v2/invoke",
    ],
    "ollama": ["/api/chat", "/api/generate"],
}

FREE = [
    "/v1/messages/count_tokens",
    "/v1beta/models/gemini-2.5-pro:countTokens",
    "/v1/responses/input_tokens",
    "/v1/responses/resp_1/cancel",
    "/model/anthropic.claude-3/count-tokens",
    "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
    "/api/event_logging/batch",
    "/api/claude_code/metrics",
    "/v1internal:loadCodeAssist",
    "/v1internal:countTokens",
    "/codex/analytics-events/events",
    "/v1/traces",
    "/api/show",
]

UNKNOWN = [
    "/v1/messages/batches",
    "/v1/threads/t/messages",
    "/v1/embeddings",
    "/v1/images/generations",
    "/v1beta/models/text-embedding:embedContent",
    "/v1beta/models/gemini-2.5-pro:batchGenerateContent",
    "/v1/responses/resp_1",
    "/v1/audio/speech",
    "/v1/projects/p/locations/l/publishers/mistralai/models/codestral:rawPredict",
    "/model/x/async-invoke",
    "/api/embed",
    "/",
]


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in CLAIMS.items() for path in paths])
def test_a_call_has_its_dialect_and_is_not_free(name: str, path: str) -> None:
    dialect = wire.dialect_of("POST", path)
    assert dialect is wire.DIALECTS[name]
    assert wire.dialect_of("GET", path) is None
    assert not wire.is_free("POST", path)


@pytest.mark.parametrize("path", FREE)
def test_what_is_free_is_no_call(path: str) -> None:
    assert wire.is_free("POST", path)
    assert wire.dialect_of("POST", path) is None


@pytest.mark.parametrize("path", UNKNOWN)
def test_what_is_not_known_is_neither_a_call_nor_free(path: str) -> None:
    assert wire.dialect_of("POST", path) is None
    assert not wire.is_free("POST", path)


def test_reading_is_free_but_opening_a_socket_for_calls_is_not() -> None:
    assert wire.is_free("GET", "/v1/responses/resp_1")
    assert wire.is_free("HEAD", "/")
    assert wire.is_free("DELETE", "/v1/responses/resp_1")
    assert not wire.is_free("GET", "/v1/responses")


def test_every_dialect_is_in_the_table_by_its_name() -> None:
    assert set(CLAIMS) == set(wire.DIALECTS)
    assert all(name == dialect.NAME for name, dialect in wire.DIALECTS.items())


TRIGGERS = (
    *("429", "500", "502", "503", "504", "524", "rate limit", "rate_limit", "too many requests", "overloaded"),
    *("server error", "internal error", "unavailable", "resource exhausted", "timeout", "terminated"),
    *("try again later", "context length", "exceeds the limit of", "too many tokens", "token limit"),
    "prompt is too long",
)


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("text", ['tokenguard stopped "this": \\ 5,00 € \n\x01 used', "plain"])
def test_a_refusal_is_an_error_that_carries_the_text_and_no_word_that_makes_agents_retry(name: str, text: str) -> None:
    refusal = wire.DIALECTS[name].refuse(text)
    assert (refusal.status, refusal.content_type) == (400, "application/json")
    answer = json.loads(refusal.body)
    error = answer.get("error", answer)
    assert (error if isinstance(error, str) else error["message"]) == text
    assert not any(trigger in refusal.body.decode().lower() for trigger in TRIGGERS)
    reading = read_pieces(wire.DIALECTS[name], (refusal.body,), stream=False)
    assert (reading.state, reading.error is None) == ("none", False)


KEYS = st.sampled_from(
    (
        "message usage model id choices delta input_tokens output_tokens iterations cache_creation x_groq cost is_byok "
        "server_tool_use prompt_tokens completion_tokens total_tokens prompt_tokens_details response output error code "
        "usageMetadata promptTokenCount totalTokenCount candidates groundingMetadata webSearchQueries modelVersion "
        "item stop_reason content content_block action service_tier inputTokens outputTokens inputTextTokenCount "
        "results amazon-bedrock-invocationMetrics prompt_token_count generation_token_count metadata done eval_count"
    ).split()
)
TYPES = st.sampled_from(
    (
        "message_start message_delta message_stop content_block_start error message response.created "
        "response.completed response.failed response.output_item.done"
    ).split()
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


def typed(kind: str, fields: dict[str, object]) -> object:
    return {"type": kind, **fields}


def documents(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """JSON as a provider may send it when it is not quite itself."""
    fields = st.dictionaries(KEYS, inner, max_size=6)
    return fields | st.builds(typed, TYPES, fields) | st.lists(inner, max_size=4)


def written(value: object) -> bytes:
    return json.dumps(value).encode()


def event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def invoked(data: bytes) -> bytes:
    return frame(b'{"bytes":"' + b64encode(data) + b'"}')


FRAMING: dict[str, Callable[[bytes], bytes]] = {"bedrock-converse": frame, "bedrock-invoke": invoked, "ollama": bytes}


JSON = st.recursive(SCALARS, documents, max_leaves=25).map(written)


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("stream", [True, False])
@given(
    sent=st.lists(JSON | st.binary(max_size=60), max_size=5),
    places=st.lists(st.integers(0, 2_000), max_size=6),
    ended=st.booleans(),
)
def test_nothing_breaks_a_meter_and_any_cut_reads_the_same(
    name: str, stream: bool, sent: list[bytes], places: list[int], ended: bool
) -> None:
    dialect = wire.DIALECTS[name]
    framing = FRAMING.get(name, event) if stream else bytes
    data = b"".join(framing(document) for document in sent)
    whole = read_pieces(dialect, (data,), stream=stream, ended=ended)
    assert read_pieces(dialect, cut(data, places), stream=stream, ended=ended) == whole
    assert all(leg.usage.prompt >= 0 and leg.usage.output >= leg.usage.reasoning >= 0 for leg in whole.legs)


@pytest.mark.parametrize("name", CLAIMS)
@given(st.binary(max_size=300) | JSON)
def test_facts_are_read_or_refused_in_one_way(name: str, data: bytes) -> None:
    try:
        facts = wire.DIALECTS[name].facts(CLAIMS[name][0], data)
    except ValueError:
        return
    assert isinstance(facts, Facts)
    assert facts.body_bytes == len(data)


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("stream", [True, False])
def test_reading_again_and_again_changes_nothing(name: str, stream: bool) -> None:
    meter = wire.DIALECTS[name].meter(FACTS, "x", stream=stream)
    for byte in b'data: {"type":"message_start","message":{"usage":{"input_tokens":5}}}\n\ndata: {"choices":[]}\n\n':
        meter.feed(bytes((byte,)))
        assert meter.reading(ended=False) == meter.reading(ended=False)
    assert meter.reading(ended=True) == meter.reading(ended=True)


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("stream", [True, False])
def test_a_body_without_end_is_dropped_and_marked(name: str, stream: bool) -> None:
    meter = wire.DIALECTS[name].meter(FACTS, "x", stream=stream)
    piece = b"[" * (1 << 20)
    for _ in range(MAX_EVENT // len(piece) + 1):
        meter.feed(piece)
    reading = meter.reading(ended=True)
    framed = stream and name.startswith("bedrock")
    assert (reading.state, reading.marks) == ("none", ("corrupt-frame" if framed else "oversized",))
