"""Cline."""

from __future__ import annotations

import json

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import cline

_TRIAL = cline.trial(KEY, PROJECT)
_FILE = ".cline/data/settings/providers.json"
_ALONE = {"CLINE_SESSION_BACKEND_MODE": "local"}
"""Else it starts a hub, which makes the calls of later runs, too."""


def _signed_in(provider: str, **settings: str) -> dict[str, str]:
    """The file of a user who has given it a key."""
    entry = {"settings": {"provider": provider, "apiKey": KEY, **settings}, "updatedAt": "2026-11-01T00:00:00.000Z"}
    return {_FILE: json.dumps({"version": 1, "lastUsedProvider": provider, "providers": {provider: entry}})}


CLINE = RealAgent(
    name="cline",
    package="npm:cline@3.0.65",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="run_commands",
    shell_arguments=(("commands", ("echo hello",)),),
    before=("cline", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    hurried=1,
    sub_agent="any",
    lacks={
        "reconnect": "it shows the error and ends",
        "clamp": "it offers a web search without a limit of uses, which no strict budget takes",
    },
    elsewhere=Elsewhere(env=_ALONE, files=_signed_in("anthropic", baseUrl="{url}/v1")),
)
"""With Anthropic, and a key in a variable."""

CLINE_OPENAI = replace(
    CLINE,
    name="cline-openai",
    model="gpt-6.1-sol",
    cheaper="gpt-6.1-terra",
    before=("cline",),
    env={name: value for name, value in _TRIAL.env.items() if name != "ANTHROPIC_API_KEY"},
    files={**_TRIAL.files, **_signed_in("openai-native", model="gpt-6.1-sol")},
    elsewhere=Elsewhere(env=_ALONE, files=_signed_in("openai-native", model="gpt-6.1-sol", baseUrl="{url}/v1")),
)
"""With OpenAI Responses, and a key in its settings."""
