"""GitHub Copilot's command line, with a key of its user's own."""

from __future__ import annotations

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import copilot

_TRIAL = copilot.trial(KEY, PROJECT)
_URL = "COPILOT_PROVIDER_BASE_URL"

COPILOT = RealAgent(
    name="copilot",
    package="npm:@github/copilot@1.0.102",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="bash",
    before=("copilot", "--allow-all", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    sub_agent="task",
    interrupted=-2,
    elsewhere=Elsewhere(env={_URL: "{url}"}),
)

COPILOT_CHAT = replace(
    COPILOT,
    name="copilot-chat",
    model="gpt-6.1-sol",
    cheaper="gpt-6.1-terra",
    env={
        **_TRIAL.env,
        _URL: "https://api.openai.com/v1",
        "COPILOT_PROVIDER_TYPE": "openai",
        "COPILOT_MODEL": "gpt-6.1-sol",
    },
    elsewhere=Elsewhere(env={_URL: "{url}/v1"}),
)
"""OpenAI's chat completions."""

COPILOT_RESPONSES = replace(
    COPILOT_CHAT,
    name="copilot-responses",
    env={**COPILOT_CHAT.env, "COPILOT_PROVIDER_WIRE_API": "responses"},
)
"""OpenAI's Responses."""

COPILOT_SOCKET = replace(
    COPILOT_RESPONSES,
    name="copilot-socket",
    env={**COPILOT_RESPONSES.env, "COPILOT_PROVIDER_TRANSPORT": "websockets"},
)
"""The same over a WebSocket."""
