"""Droid's sums of sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents_logs.support import Odd, document_of, file
from tokenguard.agents.logs import droid
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, Sighting, Snapshot
from tokenguard.records import Usage

AT = "/home/ada/.factory/sessions/-home-ada-web/6f1c.settings.json"
TOKENS = {
    "inputTokens": 100,
    "outputTokens": 40,
    "cacheCreationTokens": 10,
    "cacheReadTokens": 900,
    "thinkingTokens": 7,
}
SETTINGS = {
    "model": "claude-opus-4-5",
    "providerLock": "anthropic",
    "providerLockTimestamp": "2026-02-01T00:00:00.000Z",
    "tokenUsage": TOKENS,
}
TRANSCRIPT = b'{"type":"session_start","id":"6f1c","title":"x","cwd":"/home/ada/web"}\n{"type":"message"}\n'


def read(settings: object, transcript: bytes = TRANSCRIPT, odd: Odd | None = None) -> list[Any]:
    at = replace(file(AT, {"6f1c.jsonl": transcript}), modified_us=1_772_359_205_250_000)
    return list(document_of(droid).read(at, json.dumps(settings).encode(), odd or Odd()))


def test_the_sums_of_a_session_are_of_the_time_at_which_they_were_written() -> None:
    assert read(SETTINGS) == [
        Snapshot(
            Sighting(
                key="6f1c",
                agent="droid",
                session="6f1c",
                at_us=1_772_359_205_250_000,
                provider="anthropic",
                model="claude-opus-4-5",
                usage=Usage(input=100, cache_read=900, cache_write_5m=10, output=47, reasoning=7),
                folder="/home/ada/web",
            )
        )
    ]


def test_another_model_goes_on_with_the_same_sums() -> None:
    (before,), (after,) = read(SETTINGS), read({**SETTINGS, "model": "gpt-5", "providerLock": "factory"})
    assert before.total.key == after.total.key
    assert (after.total.provider, after.total.model) == ("openai", "gpt-5")


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("custom:GLM-5.1-[Proxy]-0", "GLM-5.1"),
        ("custom:Claude-Opus-4.5-[Anthropic]", "Claude-Opus-4.5"),
        ("custom:gpt-5", "gpt-5"),
        ("gpt-5-1", "gpt-5-1"),
    ],
)
def test_what_stands_around_the_name_of_a_model_is_taken_off(name: str, model: str) -> None:
    (found,) = read({**SETTINGS, "model": name})
    assert found.total.model == model


def test_without_a_transcript_the_folder_is_not_known_and_without_a_model_neither_is_that() -> None:
    (found,) = read({"tokenUsage": TOKENS, "providerLock": "openai"}, b"")
    assert (found.total.folder, found.total.model, found.total.provider) == (None, "", "openai")


def test_settings_without_tokens_show_nothing_and_what_is_odd_is_counted() -> None:
    odd = Odd()
    assert read({"model": "gpt-5"}, odd=odd) == read({"tokenUsage": {"inputTokens": 0}}, odd=odd) == []
    assert odd.seen == []
    (found,) = read({**SETTINGS, "tokenUsage": {**TOKENS, "inputTokens": -3}}, odd=odd)
    assert found.total.usage.input == 0
    assert list(document_of(droid).read(file(AT), b'{"tokenUsage"', odd)) == []
    assert odd.seen == [(DOUBTFUL, "malformed"), (DROPPED, "not-json")]


def test_its_folder_can_be_elsewhere() -> None:
    assert str(document_of(droid).root) == "/home/ada/.factory/sessions"
    assert str(document_of(droid, FACTORY_DIR="/srv/f").root) == "/srv/f/sessions"
