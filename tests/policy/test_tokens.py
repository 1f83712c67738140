from __future__ import annotations

import pytest
from msgspec.structs import replace

from tokenguard.policy.tokens import PARAMETERS, SCHEMA, family_of, tokens
from tokenguard.records import Facts, Prompt

TEXT = Facts("gpt-5", body_bytes=9_900, prompt=Prompt(messages=1, text_bytes=9_400, grain=4.7, other_bytes=60))


def more(facts: Facts = TEXT, **changes: int) -> float:
    """Tokens that a prompt has besides those of `facts`."""
    return tokens(replace(facts, prompt=replace(facts.prompt, **changes))) - tokens(facts)


def test_text_has_a_token_for_every_few_bytes() -> None:
    assert tokens(TEXT) == pytest.approx(1_900 + 7)
    assert more(text_bytes=18_800) == pytest.approx(1_900)
    # Code has smaller pieces than prose, and each is a token.
    assert tokens(TEXT, 2.35) == pytest.approx(3_800 + 7)


def test_what_was_not_weighed_is_taken_for_text() -> None:
    assert tokens(Facts("gpt-5", body_bytes=9_400)) == pytest.approx(tokens(TEXT), rel=0.05)


def test_every_message_costs_a_little() -> None:
    assert more(messages=11) == pytest.approx(40)


def test_parameters_are_no_prompt_but_tools_and_schemas_are() -> None:
    assert more(other_bytes=SCHEMA) == 0
    assert more(other_bytes=PARAMETERS + 600) == pytest.approx(100)
    with_tools = replace(TEXT, has_tools=True)
    assert more(with_tools, other_bytes=PARAMETERS) == 0
    assert more(with_tools, other_bytes=PARAMETERS + 60) == pytest.approx(10)


def test_claude_is_told_how_to_use_tools() -> None:
    claude = replace(TEXT, model="claude-sonnet-4-5")
    assert tokens(replace(claude, has_tools=True)) - tokens(claude) == 500


def test_images_cost_by_their_number_and_not_by_their_bytes() -> None:
    assert more(media=2, media_bytes=4_000) == more(media=2, media_bytes=4_000_000) == pytest.approx(900)


def test_sealed_reasoning_is_dense() -> None:
    assert more(sealed_bytes=6_000) == pytest.approx(100)


@pytest.mark.parametrize(
    ("model", "same"),
    [
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-sonnet-4-0"),
        ("anthropic/claude-opus-4.6", "claude-opus-4-5-20251101"),
        ("claude-sonnet-4-20250514", "claude-opus-4-1"),
        ("openai/o3", "gpt-4.1"),
        ("openai/gpt-oss-120b", "gpt-oss-20b"),
        ("models/gemini-2.5-pro", "google/gemma-3-27b-it"),
        ("magistral-medium-latest", "mistral-small"),
        ("deepseek-ai/DeepSeek-R1", "deepseek-chat"),
        ("grok-4", "a model of tomorrow"),
    ],
)
def test_a_model_has_the_family_of_its_name_at_any_provider(model: str, same: str) -> None:
    assert family_of(model) is family_of(same)


def test_generations_differ() -> None:
    assert family_of("claude-3-5-haiku-latest") is not family_of("claude-haiku-4-5")
    assert family_of("gemini-3-pro-preview") is not family_of("gemini-2.5-pro")
    assert family_of("llama-3.3-70b") is not family_of("llama3")
