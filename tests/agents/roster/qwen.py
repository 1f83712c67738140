"""Qwen Code."""

from __future__ import annotations

import json

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import qwen

_TRIAL = qwen.trial(KEY, PROJECT)
_FILE = ".qwen/settings.json"
_SETTINGS = json.loads(_TRIAL.files[_FILE])
# After a prompt without tools it would remember what was said, in a call of its own: see test_qwen_memory.py.
_PLAIN = {**_SETTINGS, "memory": {"enableManagedAutoMemory": False}}


def _with_models(kind: str, *models: dict[str, str]) -> str:
    """Settings of a user who has chosen among models of their own."""
    chosen = {"security": {"auth": {"selectedType": kind}}, "model": {"name": models[0]["id"]}}
    return json.dumps({**_PLAIN, **chosen, "modelProviders": {kind: models}})


QWEN = RealAgent(
    name="qwen",
    package="npm:@qwen-code/qwen-code@0.24.4",
    model="gpt-6.1-sol",
    cheaper="gpt-6.1-terra",
    shell="run_shell_command",
    before=("qwen", "--yolo", *_TRIAL.before),
    env={**_TRIAL.env},
    files={_FILE: json.dumps(_PLAIN)},
    interrupted=-2,
    sub_agent="general-purpose",
    lacks={"clamp": "it never asks for more than 16384 tokens of this model"},
    elsewhere=Elsewhere(env={"OPENAI_BASE_URL": "{url}/v1"}),
)
"""With OpenAI, chosen by variables."""

_CLAUDE = {"id": "claude-opus-5-5", "envKey": "ANTHROPIC_API_KEY"}

QWEN_CLAUDE = replace(
    QWEN,
    name="qwen-claude",
    lacks={},
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    env={"ANTHROPIC_API_KEY": KEY},
    files={_FILE: _with_models("anthropic", {**_CLAUDE, "baseUrl": "https://api.anthropic.com"})},
    elsewhere=Elsewhere(files={_FILE: _with_models("anthropic", {**_CLAUDE, "baseUrl": "{url}"})}),
)
"""With Anthropic, chosen among providers in its settings."""
