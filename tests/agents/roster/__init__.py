"""The real agents: how each is run without a person, as its user would set it up. One module an agent."""

from __future__ import annotations

from tests.agents.roster.aider import AIDER
from tests.agents.roster.claude import CLAUDE, CLAUDE_BEDROCK, CLAUDE_VERTEX
from tests.agents.roster.cline import CLINE, CLINE_OPENAI
from tests.agents.roster.codex import CODEX, CODEX_HTTP, CODEX_QUOTED
from tests.agents.roster.continue_ import CONTINUE, CONTINUE_CHAT, CONTINUE_GEMINI, CONTINUE_RESPONSES
from tests.agents.roster.copilot import COPILOT, COPILOT_CHAT, COPILOT_RESPONSES, COPILOT_SOCKET
from tests.agents.roster.gemini import GEMINI, GEMINI_ACCOUNT, GEMINI_VERTEX
from tests.agents.roster.kilo import KILO, KILO_OPENAI
from tests.agents.roster.kimi import KIMI_CLI, KIMI_CODE, KIMI_CODE_CLAUDE, KIMI_CODE_VARIABLES
from tests.agents.roster.llm import LLM, LLM_CLAUDE
from tests.agents.roster.opencode import OPENCODE, OPENCODE_OPENAI
from tests.agents.roster.openhands import OPENHANDS
from tests.agents.roster.pi import PI, PI_OPENAI
from tests.agents.roster.qwen import QWEN, QWEN_CLAUDE
from tests.agents.roster.shape import KEY, RealAgent
from tests.agents.roster.vibe import VIBE

__all__ = [
    "AIDER",
    "CLAUDE",
    "CLAUDE_BEDROCK",
    "CLAUDE_VERTEX",
    "CLINE",
    "CLINE_OPENAI",
    "CODEX",
    "CODEX_HTTP",
    "CODEX_QUOTED",
    "CONTINUE",
    "COPILOT",
    "GEMINI",
    "GEMINI_ACCOUNT",
    "GEMINI_VERTEX",
    "KEY",
    "KILO",
    "KILO_OPENAI",
    "LLM",
    "LLM_CLAUDE",
    "OPENCODE",
    "OPENCODE_OPENAI",
    "OPENHANDS",
    "PI",
    "PI_OPENAI",
    "QWEN",
    "QWEN_CLAUDE",
    "ROSTER",
    "RealAgent",
    "VIBE",
]

ROSTER = (
    CLAUDE,
    CODEX,
    CODEX_HTTP,
    GEMINI,
    OPENCODE,
    OPENCODE_OPENAI,
    KILO,
    KILO_OPENAI,
    QWEN,
    QWEN_CLAUDE,
    PI,
    PI_OPENAI,
    CLINE,
    CLINE_OPENAI,
    CONTINUE,
    CONTINUE_CHAT,
    CONTINUE_RESPONSES,
    CONTINUE_GEMINI,
    COPILOT,
    COPILOT_CHAT,
    COPILOT_RESPONSES,
    COPILOT_SOCKET,
    AIDER,
    LLM,
    LLM_CLAUDE,
    VIBE,
    KIMI_CODE,
    KIMI_CODE_CLAUDE,
    KIMI_CODE_VARIABLES,
    KIMI_CLI,
    OPENHANDS,
    GEMINI_ACCOUNT,
    GEMINI_VERTEX,
    CLAUDE_BEDROCK,
    CLAUDE_VERTEX,
    CODEX_QUOTED,
)
