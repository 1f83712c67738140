from __future__ import annotations

import pytest

from tests.simulator.support import PATHS, STREAM_PATHS
from tokenguard.simulator.routing import called, counting, spoken_at


def name_of(path: str) -> str | None:
    dialect = called(path.partition("?")[0])
    return dialect.NAME if dialect else None


@pytest.mark.parametrize("dialect", PATHS)
def test_calls_are_told_by_their_path(dialect: str) -> None:
    assert name_of(PATHS[dialect]) == name_of(STREAM_PATHS[dialect]) == dialect
    assert name_of(f"/below/another{PATHS[dialect]}") == dialect
    assert name_of(PATHS[dialect] + "/x") is None


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/messages/count_tokens", "anthropic-messages"),
        ("/v1beta/models/gemini-2.5-pro:countTokens", "gemini"),
        ("/v1internal:countTokens", "code-assist"),
        ("/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict", "vertex-anthropic"),
        ("/model/x/count-tokens", "bedrock-converse"),
        ("/v1/responses/input_tokens", "openai-responses"),
    ],
)
def test_counters_are_no_calls(path: str, dialect: str) -> None:
    counter = counting(path)
    assert counter is not None and counter.NAME == dialect
    assert called(path) is None


def test_what_is_no_call_still_has_a_language() -> None:
    assert spoken_at("/v1beta/models", {}).NAME == "gemini"
    assert spoken_at("/v1/models", {"anthropic-version": "2023-06-01"}).NAME == "anthropic-messages"
    assert spoken_at("/v1/models", {}).NAME == "openai-responses"
