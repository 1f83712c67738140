"""opencode."""

from __future__ import annotations

import json

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import opencode

_TRIAL = opencode.trial(KEY, PROJECT)
_FILE = ".config/opencode/opencode.json"
_SETTINGS = json.loads(_TRIAL.files[_FILE])

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
    sub_agent="general",
    helper="claude-haiku-4-5-20251001",
    elsewhere=Elsewhere(
        files={_FILE: json.dumps({**_SETTINGS, "provider": {"anthropic": {"options": {"baseURL": "{url}/v1"}}}})}
    ),
)
"""With Anthropic; the title of a conversation is asked for beside its first turn."""
