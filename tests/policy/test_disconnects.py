from __future__ import annotations

import pytest

from tokenguard.config.settings import PROVIDERS
from tokenguard.policy.disconnects import STREAMS, Habit, habit

STOPPING = {"openai", "azure", "chatgpt", "anthropic", "xai", "deepseek"}
RUNNING_ON = {"bedrock", "gemini", "vertex", "groq", "mistral", "alibaba"}


@pytest.mark.parametrize("provider", sorted(STOPPING))
def test_who_stops(provider: str) -> None:
    assert habit(provider, "openai-chat", stream=True) is Habit.STOPS


@pytest.mark.parametrize("provider", sorted(RUNNING_ON))
def test_who_runs_on(provider: str) -> None:
    assert habit(provider, "openai-chat", stream=True) is Habit.RUNS_ON


@pytest.mark.parametrize("provider", ["house", "openrouter", "kimi"])
def test_of_the_others_nobody_knows(provider: str) -> None:
    assert habit(provider, "openai-chat", stream=True) is Habit.UNKNOWN


@pytest.mark.parametrize("provider", [*sorted(STOPPING | RUNNING_ON), "house", "openrouter"])
def test_a_document_is_billed_whoever_waits_for_it(provider: str) -> None:
    assert habit(provider, "openai-chat", stream=False) is Habit.RUNS_ON


@pytest.mark.parametrize("dialect", ["gemini", "code-assist", "vertex-anthropic", "bedrock-converse", "bedrock-invoke"])
def test_a_dialect_can_tell_whose_it_is(dialect: str) -> None:
    assert habit("house", dialect, stream=True) is Habit.RUNS_ON


@pytest.mark.parametrize("stream", [True, False])
def test_a_model_on_the_users_own_machine_stops(stream: bool) -> None:
    assert habit("house", "ollama", stream=stream) is Habit.STOPS


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("setting", "expected"), [("stop", Habit.STOPS), ("drain", Habit.RUNS_ON)])
def test_what_is_set_wins(setting: str, expected: Habit, stream: bool) -> None:
    for provider in ("anthropic", "gemini", "house"):
        assert habit(provider, "openai-chat", stream=stream, setting=setting) is expected


def test_every_provider_that_is_configured_was_thought_of() -> None:
    assert set(PROVIDERS) <= set(STREAMS)
