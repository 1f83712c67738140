"""Strict budgets from outside: real processes, and a simulator that counts prompts for free, as providers do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_plans import send
from tests.e2e.test_sockets import guarded
from tests.support.installation import Installation
from tokenguard import simulator

LONG = "word " * 8_000
"""40,000 bytes, 10,000 tokens."""
BUDGET = '[[budget]]\nname = "tight"\nlimit = "20000 tokens"\nwindow = "total"\nmode = "strict"\n'

ANTHROPIC: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 900,
    "messages": [{"role": "user", "content": LONG}],
}
RESPONSES = {"model": "gpt-6.1-sol", "max_output_tokens": 900, "input": [{"role": "user", "content": LONG}]}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": LONG}]}], "generationConfig": {"maxOutputTokens": 900}}
KEYS = {"x-api-key": "sk-ant-api03-1", "Authorization": "Bearer sk-1", "x-goog-api-key": "AIza1"}


def asked(sim: simulator.Process) -> list[str]:
    """What the provider was asked for, without the version that paths begin with."""
    return [seen.path.split("/")[-1] for seen in sim.requests()]


@pytest.mark.parametrize(
    ("shows", "path", "body", "paths"),
    [
        ("ANTHROPIC_BASE_URL", "/v1/messages?beta=true", ANTHROPIC, ["count_tokens", "messages"]),
        ("OPENAI_BASE_URL", "/responses", RESPONSES, ["input_tokens", "responses"]),
        (
            "GOOGLE_GEMINI_BASE_URL",
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            GEMINI,
            ["gemini-2.5-pro:countTokens", "gemini-2.5-pro:streamGenerateContent"],
        ),
    ],
)
async def test_a_count_lets_a_call_through_whose_bytes_would_not_fit(
    tmp_path: Path, sim: simulator.Process, shows: str, path: str, body: dict[str, Any], paths: list[str]
) -> None:
    tg = Installation(tmp_path / "home", sim.url, settings=BUDGET)
    try:
        with guarded(tg, shows=shows) as url:
            status, text = await send(url + path, body, KEYS)
            assert status == 200, text
            assert asked(sim) == paths
            status, text = await send(url + path, body, KEYS)
            assert status >= 400 and "tight" in text
        # It is over by then whatever the count says, so nobody is asked.
        assert asked(sim) == paths
        (call,) = sim.bill().calls
        (budget,) = tg.json("status")["budgets"]
        assert (budget["spent"], budget["reserved"]) == (call.usage.prompt + call.usage.output, 0)
        assert budget["spent"] <= budget["limit"]
        kept = b"".join(file.read_bytes() for file in tg.home.rglob("*") if file.is_file())
        assert b"word word" not in kept
    finally:
        tg.stop()


async def test_the_turns_of_a_conversation_need_no_count(tmp_path: Path, sim: simulator.Process) -> None:
    tg = Installation(tmp_path / "home", sim.url, settings=BUDGET.replace("20000", "75000"))
    try:
        with guarded(tg, shows="ANTHROPIC_BASE_URL") as url:
            messages = list(ANTHROPIC["messages"])
            for turn in range(5):
                status, text = await send(f"{url}/v1/messages", ANTHROPIC | {"messages": messages}, KEYS)
                assert status == 200, (turn, text)
                messages += [{"role": "assistant", "content": "done"}, {"role": "user", "content": "go on"}]
        # The bytes of any turn but the first two would not have fitted beside what was spent before.
        assert asked(sim) == ["messages"] * 5
        (budget,) = tg.json("status")["budgets"]
        assert 50_000 < budget["spent"] <= budget["limit"]
    finally:
        tg.stop()
