"""What providers' free counters are asked, and what is read of their answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.wire import is_free
from tokenguard.wire.counting import answer, is_counted, question

Json = dict[str, Any]

GEMINI = "/v1beta/models/gemini-3-pro:"


def asked(dialect: str, path: str, query: str, body: Json) -> tuple[str, str, Json]:
    found = question(dialect, path, query, json.dumps(body).encode())
    assert found is not None
    return found.path, found.query, json.loads(found.body)


def test_anthropic_is_asked_without_what_its_counter_refuses() -> None:
    prompt: Json = {
        "model": "claude-opus-5",
        "messages": [{"role": "user", "content": "h\u00e9\n"}],
        "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "t", "input_schema": {}}],
        "tool_choice": {"type": "auto"},
        "thinking": {"type": "adaptive"},
    }
    rest: Json = {
        "max_tokens": 9,
        "stream": True,
        "temperature": 1,
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
    }
    path, query, body = asked("anthropic-messages", "/v1/messages", "?beta=true", prompt | rest)
    assert (path, query, body) == ("/v1/messages/count_tokens", "?beta=true", prompt)


def test_openai_is_asked_without_what_makes_the_answer() -> None:
    prompt: Json = {
        "model": "gpt-5.5",
        "instructions": "be brief",
        "input": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "name": "t"}],
        "reasoning": {"effort": "high"},
        "previous_response_id": "resp_1",
    }
    rest: Json = {"max_output_tokens": 9, "stream": True, "store": False, "include": [], "prompt_cache_key": "k"}
    path, query, body = asked("openai-responses", "/v1/responses/", "", prompt | rest)
    assert (path, query, body) == ("/v1/responses/input_tokens", "", prompt)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("?alt=sse", ""),
        ("?alt=sse&key=k", "?key=k"),
        ("?key=k&alt=sse", "?key=k"),
        ("?key=k&alt=sse&x=1", "?key=k&x=1"),
        ("?salt=1", "?salt=1"),
    ],
)
def test_gemini_is_asked_with_the_whole_request(query: str, kept: str) -> None:
    request = {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 9}}
    path, left, body = asked("gemini", GEMINI + "streamGenerateContent", query, request)
    assert (path, left) == (GEMINI + "countTokens", kept)
    assert body == {"generateContentRequest": {"model": "models/gemini-3-pro"} | request}


@pytest.mark.parametrize(
    ("provider", "dialect", "path"),
    [
        ("anthropic", "anthropic-messages", "/v1/messages"),
        ("openai", "openai-responses", "/v1/responses"),
        ("gemini", "gemini", GEMINI + "generateContent"),
    ],
)
def test_what_is_asked_is_free(provider: str, dialect: str, path: str) -> None:
    assert is_counted(provider, dialect, path)
    found = question(dialect, path, "", b"{}")
    assert found is not None and is_free("POST", found.path)


@pytest.mark.parametrize(
    ("provider", "dialect", "path"),
    [
        ("openrouter", "anthropic-messages", "/v1/messages"),
        ("anthropic", "openai-chat", "/v1/chat/completions"),
        ("openai", "openai-chat", "/v1/chat/completions"),
        ("openai", "openai-responses", "/v1/responses/compact"),
        ("chatgpt", "openai-responses", "/responses"),
        ("gemini", "code-assist", "/v1internal:generateContent"),
        ("bedrock", "bedrock-converse", "/model/m/converse"),
        ("ollama", "ollama", "/api/chat"),
    ],
)
def test_nobody_else_is_asked(provider: str, dialect: str, path: str) -> None:
    assert not is_counted(provider, dialect, path)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b'{"input_tokens":12}', 12),
        (b'{"object":"response.input_tokens","input_tokens":0}', 0),
        (b'{"totalTokens":7,"promptTokensDetails":[{"modality":"TEXT","tokenCount":7}]}', 7),
        (b'{"type":"error","error":{}}', None),
        (b'{"input_tokens":-1}', None),
        (b"<html>", None),
        (b"[]", None),
    ],
)
def test_answers_are_read(body: bytes, tokens: int | None) -> None:
    assert answer(body) == tokens


@given(st.sampled_from(["anthropic-messages", "openai-responses", "gemini"]), st.binary(max_size=99))
def test_nothing_raises(dialect: str, data: bytes) -> None:
    question(dialect, GEMINI + "generateContent", "?", data)
    answer(data)
