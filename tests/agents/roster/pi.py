"""pi."""

from __future__ import annotations

import json

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import pi

_TRIAL = pi.trial(KEY, PROJECT)


def _elsewhere(provider: str, url: str) -> Elsewhere:
    return Elsewhere(files={".pi/agent/models.json": json.dumps({"providers": {provider: {"baseUrl": url}}})})


PI = RealAgent(
    name="pi",
    package="npm:@mariozechner/pi-coding-agent@0.73.1",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="bash",
    before=("pi", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    interrupted=-2,
    dear="$0.002",
    lacks={"sub-agents": "it has none"},
    elsewhere=_elsewhere("anthropic", "{url}"),
)
"""With Anthropic."""

PI_OPENAI = replace(
    PI,
    name="pi-openai",
    model="gpt-5.3-codex",
    cheaper="gpt-6.1-terra",
    before=("pi", "--model", "openai/gpt-5.3-codex", "-p"),
    env={**_TRIAL.env, "OPENAI_API_KEY": KEY},
    elsewhere=_elsewhere("openai", "{url}/v1"),
)
"""With OpenAI Responses."""
