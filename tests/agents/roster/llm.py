"""llm, with a function of the user's as its tool."""

from __future__ import annotations

from tests.agents.roster.shape import KEY, PROJECT, Ability, Elsewhere, RealAgent
from tokenguard.agents import llm

_TRIAL = llm.trial(KEY, PROJECT)
_SHELL = """
import subprocess

def shell(command: str) -> str:
    "Run a command"
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout
"""

_LACKS: dict[Ability, str] = {
    "reconnect": "llm ends with what came",
    "sub-agents": "llm has none",
}

LLM = RealAgent(
    name="llm",
    package="pypi:llm==0.36 llm-anthropic==0.30",
    model="gpt-6-luna",
    cheaper="gpt-5.4-mini",
    shell="shell",
    before=("llm", *_TRIAL.before),
    after=(*_TRIAL.after, "--chain-limit", "0", "--functions", _SHELL),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    interrupted=1,
    dear="$0.0001",
    lacks=_LACKS,
    settles=True,
    elsewhere=Elsewhere(env={"OPENAI_BASE_URL": "{url}/v1"}),
)
"""Over OpenAI's Responses."""

LLM_CLAUDE = RealAgent(
    name="llm-claude",
    package=LLM.package,
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="shell",
    before=LLM.before,
    after=("--model", "claude-opus-5.5", *LLM.after[2:]),
    env={"ANTHROPIC_API_KEY": KEY},
    interrupted=1,
    lacks=_LACKS,
    settles=True,
    elsewhere=Elsewhere(env={"ANTHROPIC_BASE_URL": "{url}"}),
)
"""Over Anthropic's Messages, through a plug-in."""
