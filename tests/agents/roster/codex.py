"""Codex."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Ability, Elsewhere, RealAgent
from tokenguard.agents import codex

_TRIAL = codex.trial(KEY, PROJECT)
_SETTINGS = _TRIAL.files[".codex/config.toml"]

_LACKS: Mapping[Ability, str] = {
    "sub-agents": "it does not wait for them; test_sides.py sees what they cost all the same",
    "aimock-tools": "its one tool takes a script, and aimock calls only functions",
}

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
    lacks={
        **_LACKS,
        "retry-429": "over its WebSocket it takes that as final",
        "aimock": "that answers a warm-up over a WebSocket as if it were a prompt",
    },
    elsewhere=Elsewhere(files={".codex/config.toml": f'openai_base_url = "{{url}}/v1"\n{_SETTINGS}'}),
)
"""Over a WebSocket, with a warm-up before the first turn."""

_PLAIN = f"""
model_provider = "plain"
{_SETTINGS}
[model_providers.plain]
name = "plain"
base_url = "{{url}}/v1"
env_key = "CODEX_API_KEY"
"""

CODEX_HTTP = replace(
    CODEX,
    name="codex-http",
    files={".codex/config.toml": _PLAIN.replace("{url}", "https://api.openai.com")},
    hidden=0,
    lacks=_LACKS,
    elsewhere=Elsewhere(files={".codex/config.toml": _PLAIN}),
)
"""A model provider that the user has defined is not asked for a WebSocket."""

_QUOTED = _PLAIN.replace("plain", "my corp").replace(".my corp]", '."my corp"]')

CODEX_QUOTED = replace(
    CODEX_HTTP,
    name="codex-quoted",
    files={".codex/config.toml": _QUOTED.replace("{url}", "https://api.openai.com")},
    elsewhere=Elsewhere(files={".codex/config.toml": _QUOTED}),
)
"""The same under a name that needs quotes."""
