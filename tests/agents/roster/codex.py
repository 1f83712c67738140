"""Codex."""

from __future__ import annotations

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, RealAgent
from tokenguard.agents import codex

_TRIAL = codex.trial(KEY, PROJECT)
_SETTINGS = _TRIAL.files[".codex/config.toml"]

CODEX = RealAgent(
    name="codex",
    package="npm:@openai/codex@0.169.0",
    model="gpt-6.1-sol",
    cheaper="gpt-6.1-terra",
    shell="exec",
    before=("codex", "exec", "--sandbox", "danger-full-access"),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    hidden=1,
    interrupted=1,
)
"""Over a WebSocket, with a warm-up before the first turn."""

_PLAIN_PROVIDER = """
[model_providers.plain]
name = "plain"
base_url = "https://api.openai.com/v1"
env_key = "CODEX_API_KEY"
"""

CODEX_HTTP = replace(
    CODEX,
    name="codex-http",
    files={".codex/config.toml": f'model_provider = "plain"\n{_SETTINGS}{_PLAIN_PROVIDER}'},
    hidden=0,
)
"""A model provider that the user has defined is not asked for a WebSocket."""
