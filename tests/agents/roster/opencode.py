"""opencode."""

from __future__ import annotations

import json

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import opencode

_TRIAL = opencode.trial(KEY, PROJECT)
_FILE = ".config/opencode/opencode.json"
_SETTINGS = json.loads(_TRIAL.files[_FILE])


def _elsewhere(provider: str, **settings: str) -> Elsewhere:
    """A user whose settings name another address."""
    named = {**_SETTINGS, **settings, "provider": {provider: {"options": {"baseURL": "{url}/v1"}}}}
    return Elsewhere(files={_FILE: json.dumps(named)})


OPENCODE = RealAgent(
    name="opencode",
    package="npm:opencode-ai@1.18.33",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="bash",
    before=("opencode", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    beside=1,
    interrupted=-2,
    settles=True,
    sub_agent="general",
    helper="claude-haiku-4-5-20251001",
    elsewhere=_elsewhere("anthropic"),
)
"""With Anthropic; the title of a conversation is asked for beside its first turn."""

_OPENAI = {"model": "openai/gpt-5.3-codex", "small_model": "openai/gpt-5.4-mini"}

OPENCODE_OPENAI = replace(
    OPENCODE,
    name="opencode-openai",
    model="gpt-5.3-codex",
    cheaper="gpt-6.1-terra",
    helper="gpt-5.4-mini",
    env={**{name: value for name, value in OPENCODE.env.items() if value != KEY}, "OPENAI_API_KEY": KEY},
    files={**OPENCODE.files, _FILE: json.dumps({**_SETTINGS, **_OPENAI})},
    elsewhere=_elsewhere("openai", **_OPENAI),
)
"""With OpenAI Responses."""
