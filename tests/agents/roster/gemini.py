"""Gemini CLI."""

from __future__ import annotations

import json

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import gemini

_TRIAL = gemini.trial(KEY, PROJECT)
_SETTINGS = _TRIAL.files[".gemini/settings.json"]
_BY_KEY = {"security": {"auth": {"selectedType": "gemini-api-key"}}}

GEMINI = RealAgent(
    name="gemini",
    package="npm:@google/gemini-cli@0.61.0",
    model="gemini-3.8-flash",
    cheaper="gemini-3.5-flash-lite",
    shell="run_shell_command",
    before=("gemini", "--yolo", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    hidden=1,
    helper="gemini-3.5-flash-lite",
    sub_agent="generalist",
    elsewhere=Elsewhere(
        env={"GOOGLE_GEMINI_BASE_URL": "{url}"},
        files={".gemini/settings.json": json.dumps({**json.loads(_SETTINGS), **_BY_KEY})},
    ),
)
