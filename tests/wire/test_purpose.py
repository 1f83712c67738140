"""What requests say beside their prompts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tokenguard import wire
from tokenguard.wire.purpose import told, wanted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def test_strings_are_told_and_nothing_else() -> None:
    metadata = Raw(json.dumps({"user_id": "u", "count": 3, "list": ["a"], "none": None}).encode())
    assert told(metadata) == {"user_id": "u"}
    assert told(metadata, key=Raw(b'"k"'), other=Raw(b"7"), absent=Raw()) == {"user_id": "u", "key": "k"}


@given(JSON)
def test_any_metadata_and_any_form_can_be_read(value: object) -> None:
    raw = Raw(json.dumps(value).encode())
    assert all(isinstance(text, str) for text in told(raw).values())
    assert wanted(raw, "format", "schema") == ()


@pytest.mark.parametrize("raw", [Raw(), Raw(b"{"), Raw(b'{"a": "\\ud800"}'), Raw(b'{"a":"' + b"x" * 70_000 + b'"}')])
def test_what_cannot_be_read_says_nothing(raw: Raw) -> None:
    assert (told(raw), wanted(raw)) == ({}, ())


SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}, "emoji": {"type": "string"}}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
        ("/v1/responses", {"text": {"format": {"type": "json_schema", "name": "t", "schema": SCHEMA}}}),
        ("/v1/chat/completions", {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}),
        ("/v1beta/models/x:generateContent", {"generationConfig": {"responseJsonSchema": SCHEMA}}),
        ("/v1beta/models/x:generateContent", {"generationConfig": {"responseSchema": SCHEMA}}),
    ],
)
def test_each_dialect_says_what_the_answer_is_to_hold(path: str, body: dict[str, object]) -> None:
    dialect = wire.dialect_of("POST", path)
    assert dialect is not None
    assert dialect.facts(path, json.dumps({"model": "m", **body}).encode()).wanted == ("title", "emoji")
    assert dialect.facts(path, b'{"model": "m"}').wanted == ()


@pytest.mark.parametrize(
    ("method", "path", "counts"),
    [
        ("POST", "/v1/messages/count_tokens", True),
        ("POST", "/v1beta/models/gemini-2.5-pro:countTokens", True),
        ("POST", "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict", True),
        ("POST", "/model/m/count-tokens", True),
        ("POST", "/v1/responses/input_tokens", True),
        ("GET", "/v1/responses/input_tokens", False),
        ("POST", "/v1/messages", False),
        ("POST", "/v1/models", False),
    ],
)
def test_requests_that_only_count(method: str, path: str, counts: bool) -> None:
    assert wire.is_count(method, path) is counts
    assert not counts or wire.is_free(method, path)
