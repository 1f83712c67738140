"""Codex."""

from __future__ import annotations

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, RealAgent

_CODEX_SETTINGS = """
check_for_update_on_startup = false
[analytics]
enabled = false
[feedback]
enabled = false
[features]
apps = false
plugins = false
"""

CODEX = RealAgent(
    name="codex",
    package="npm:@openai/codex@0.169.0",
    model="gpt-6.1-sol",
    cheaper="gpt-6.1-terra",
    shell="exec",
    before=("codex", "exec", "--sandbox", "danger-full-access"),
    env={"CODEX_API_KEY": KEY},
    files={".codex/config.toml": _CODEX_SETTINGS},
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
    files={".codex/config.toml": f'model_provider = "plain"\n{_CODEX_SETTINGS}{_PLAIN_PROVIDER}'},
    hidden=0,
)
"""A model provider that the user has defined is not asked for a WebSocket."""
