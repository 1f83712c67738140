"""Gemini CLI."""

from __future__ import annotations

import json

from msgspec.structs import replace

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
    helper_says='{"reasoning": "x", "model_choice": "flash", "complexity_reasoning": "x", "complexity_score": 50}',
    sub_agent="generalist",
    elsewhere=Elsewhere(
        env={"GOOGLE_GEMINI_BASE_URL": "{url}"},
        files={".gemini/settings.json": json.dumps({**json.loads(_SETTINGS), **_BY_KEY})},
    ),
)

_ENV = {name: value for name, value in _TRIAL.env.items() if name != "GEMINI_API_KEY"}

GEMINI_ACCOUNT = replace(
    GEMINI,
    name="gemini-account",
    model="gemini-2.5-flash",
    cheaper="gemini-2.5-flash-lite",
    after=("--model", "gemini-2.5-flash"),
    env={**_ENV, "GOOGLE_GENAI_USE_GCA": "true", "GOOGLE_CLOUD_ACCESS_TOKEN": KEY},
    hidden=0,
    helper=None,
    dear="$0.001",
    lacks={**GEMINI.lacks, "aimock": "it does not speak Code Assist's protocol"},
    # Whose account it is.
    asks=("www.googleapis.com:443",),
    elsewhere=Elsewhere(env={"CODE_ASSIST_ENDPOINT": "{url}"}),
)
"""Signed in with Google, for Code Assist. It routes nothing when it is told the model."""

GEMINI_VERTEX = replace(
    GEMINI,
    name="gemini-vertex",
    env={**_ENV, "GOOGLE_GENAI_USE_VERTEXAI": "true", "GOOGLE_API_KEY": KEY},
    lacks={**GEMINI.lacks, "aimock": "it does not speak Vertex AI's protocol"},
    elsewhere=Elsewhere(env={"GOOGLE_VERTEX_BASE_URL": "{url}"}),
)
"""By a key for Vertex AI."""
