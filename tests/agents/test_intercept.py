"""Unmodified agents that no base URL reaches, under `run --intercept`."""

from __future__ import annotations

import signal

import pytest
from msgspec.structs import replace

from tests.agents.roster import CLAUDE, CLINE, CODEX, CODEX_HTTP, CONTINUE, GEMINI, KEY, OPENCODE, PI, RealAgent
from tests.agents.roster.claude import CLAUDE_BEDROCK
from tests.agents.stage import STOPPED, Stage, calls, shown

pytestmark = pytest.mark.real_agents

_VARIABLES = "ANTHROPIC_BASE_URL ANTHROPIC_API_BASE OPENAI_BASE_URL OPENAI_API_BASE GOOGLE_GEMINI_BASE_URL"
_DEAF = ("sh", "-c", f'unset {_VARIABLES}; exec "$@"', "sh")
"""Starts an agent so that `run` does not know it, and without base URLs."""


def deaf(agent: RealAgent) -> RealAgent:
    """The same agent, without any base URL."""
    return replace(agent, before=(*_DEAF, *agent.before))


LLM_GEMINI = RealAgent(
    name="llm-gemini",
    package="pypi:llm==0.36 llm-gemini==0.35",
    model="gemini-2.5-flash",
    cheaper="gemini-2.5-flash-lite",
    shell="",
    before=("llm", "prompt"),
    after=("--model", "gemini/gemini-2.5-flash"),
    env={"LLM_GEMINI_KEY": KEY},
    interrupted=-signal.SIGINT,
)
"""The address of its provider is written into it."""

CLAUDE_SIGNED = replace(
    CLAUDE_BEDROCK,
    name="claude-signed",
    env={
        **{name: value for name, value in CLAUDE_BEDROCK.env.items() if name != "AWS_BEARER_TOKEN_BEDROCK"},
        "AWS_ACCESS_KEY_ID": "AKIADUMMY",
        "AWS_SECRET_ACCESS_KEY": KEY,
    },
)
"""At Amazon Bedrock, with requests that are signed for its address: they hold at no other."""

AGENTS = (LLM_GEMINI, CLAUDE_SIGNED, *map(deaf, (CLAUDE, CODEX, CODEX_HTTP, GEMINI, OPENCODE, PI, CLINE, CONTINUE)))
every_agent = pytest.mark.parametrize("agent", AGENTS, indirect=True, ids=[agent.name for agent in AGENTS])


@every_agent
def test_a_plain_answer(stage: Stage) -> None:
    done = stage.run("say hello, said the planted prompt", "--intercept")
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    assert stage.ledger() == stage.bill()
    assert calls(stage.bill()) >= 1
    assert stage.secrets(KEY, "planted prompt", "Here is the answer") == []


@every_agent
def test_a_refusal(stage: Stage) -> None:
    done = stage.run("say hello", "--intercept", "--budget", "0", "--yes")
    assert done.returncode == stage.agent.stopped, done
    assert f"{STOPPED}the session budget allows nothing" in shown(done)
    assert stage.bill() == {} == stage.ledger()
