from __future__ import annotations

from typing import Any

import pytest

from tests.wire.support import body
from tokenguard.wire import DIALECTS

CONVERSE = "/model/us.anthropic.claude-opus-4-v1:0/converse"
GEMINI = "/v1beta/models/gemini-2.5-pro:generateContent"


@pytest.mark.parametrize(
    ("dialect", "path", "request_", "least"),
    [
        ("anthropic-messages", "/v1/messages", {"thinking": {"type": "enabled", "budget_tokens": 4096}}, 4097),
        ("anthropic-messages", "/v1/messages", {"thinking": {"type": "adaptive"}}, 1),
        ("anthropic-messages", "/v1/messages", {"thinking": {"type": "disabled", "budget_tokens": 4096}}, 1),
        ("anthropic-messages", "/v1/messages", {}, 1),
        (
            "vertex-anthropic",
            "/v1/publishers/anthropic/models/claude-opus-4:rawPredict",
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
            10,
        ),
        (
            "bedrock-invoke",
            "/model/anthropic.claude-opus-4/invoke",
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
            10,
        ),
        (
            "bedrock-converse",
            CONVERSE,
            {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 9}}},
            10,
        ),
        (
            "bedrock-converse",
            CONVERSE,
            {"additionalModelRequestFields": {"reasoning_config": {"type": "enabled", "budget_tokens": 9}}},
            10,
        ),
        ("bedrock-converse", CONVERSE, {"additionalModelRequestFields": {"top_k": 5}}, 1),
        ("openai-chat", "/v1/chat/completions", {"reasoning": {"max_tokens": 2000}}, 2001),
        ("openai-chat", "/v1/chat/completions", {"reasoning": {"effort": "high"}, "n": 3}, 3),
        ("openai-responses", "/v1/responses", {"reasoning": {"effort": "high"}}, 16),
        ("gemini", GEMINI, {"generationConfig": {"thinkingConfig": {"thinkingBudget": 512}}}, 513),
        ("gemini", GEMINI, {"generation_config": {"thinking_config": {"thinking_budget": 512}}}, 513),
        ("gemini", GEMINI, {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}}}, 1),
        (
            "code-assist",
            "/v1internal:generateContent",
            {"request": {"generationConfig": {"candidateCount": 2, "thinkingConfig": {"thinkingBudget": 9}}}},
            20,
        ),
        ("ollama", "/api/chat", {"think": True}, 1),
    ],
)
def test_a_limit_must_leave_room_for_thoughts(dialect: str, path: str, request_: dict[str, Any], least: int) -> None:
    facts = DIALECTS[dialect].facts(path, body({"model": "m", **request_}))
    assert facts.least_output == least
    assert "malformed-request" not in facts.uncapped


@pytest.mark.parametrize("thinking", ["auto", True, None, [], {"budget_tokens": "many"}, {"budget_tokens": 1.5}])
def test_what_is_no_budget_is_none_and_the_request_as_good_as_before(thinking: object) -> None:
    facts = DIALECTS["anthropic-messages"].facts("/v1/messages", body({"model": "m", "thinking": thinking}))
    assert (facts.least_output, facts.uncapped) == (1, ())
