"""Dialects that are another one's in an envelope: Claude at Vertex, Gemini through Code Assist."""

from __future__ import annotations

import pytest

from tests.wire.support import body, events, read, unweighed
from tokenguard.records import Facts, Usage
from tokenguard.wire import code_assist, vertex_anthropic

VERTEX = "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5@20250929"


def test_the_model_of_claude_at_vertex_is_in_the_path() -> None:
    data = body({"anthropic_version": "vertex-2023-10-16", "max_tokens": 5, "messages": []})
    expected = Facts("claude-sonnet-4-5@20250929", max_output=5, body_bytes=len(data))
    assert unweighed(vertex_anthropic.facts(VERTEX + ":rawPredict", data)) == expected
    assert vertex_anthropic.facts(VERTEX.replace("@", "%40") + ":streamRawPredict", data).stream
    assert vertex_anthropic.facts(VERTEX + ":rawPredict", b'{"stream":true}').stream
    with pytest.raises(ValueError, match="path"):
        vertex_anthropic.facts("/v1/messages", data)


def test_claude_at_vertex_is_metered_as_at_anthropic() -> None:
    message = {"type": "message", "model": "claude-sonnet-4-5", "usage": {"input_tokens": 3, "output_tokens": 44}}
    assert read(vertex_anthropic, body(message), stream=False).legs[0].usage == Usage(3, output=44)


def test_code_assist_has_the_model_beside_the_request() -> None:
    request = {"generationConfig": {"maxOutputTokens": 7}, "tools": [{"functionDeclarations": [{"name": "f"}]}]}
    data = body({"model": "models/gemini-2.5-pro", "project": "p", "request": request})
    expected = Facts("gemini-2.5-pro", stream=True, max_output=7, body_bytes=len(data), has_tools=True)
    assert unweighed(code_assist.facts("/v1internal:streamGenerateContent", data)) == expected
    assert unweighed(code_assist.facts("/v1internal:generateContent", b'{"model":"m"}')) == Facts("m", body_bytes=13)
    with pytest.raises(ValueError, match="JSON object"):
        code_assist.facts("/v1internal:generateContent", b"[]")


def test_code_assist_has_the_answer_inside_a_response() -> None:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}
    answer = {"response": {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage, "modelVersion": "m-1"}}
    for reading in (read(code_assist, events(answer), stream=True), read(code_assist, body(answer), stream=False)):
        assert (reading.state, reading.model, reading.legs[0].usage) == ("final", "m-1", Usage(9, output=2))
