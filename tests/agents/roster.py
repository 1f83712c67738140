"""The real agents: how each is run without a person, as its user would set it up."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

KEY = "sk-ant-dummy-0123456789-abcdefghij-planted-secret"
"""In every agent's environment, and nowhere else afterwards."""


class RealAgent(Struct, frozen=True, kw_only=True):
    """An agent as its user would set it up, telemetry and updates switched off."""

    name: str
    """Of its tests; the command is `before[0]`."""
    before: tuple[str, ...]
    """Command line before the prompt."""
    env: dict[str, str]
    after: tuple[str, ...] = ()
    files: dict[str, str] = {}
    """Below its home."""
    hidden: int = 0
    """Calls that it makes before the first turn of a prompt: a warm-up, a router."""
    stopped: int = 1
    """Exit code after a refusal."""
    interrupted: int = 0
    """Exit code after a Ctrl-C."""
    model: str
    """That it takes by itself."""
    cheaper: str
    shell: str
    """Its tool that runs commands."""

    def command(self, prompt: str) -> list[str]:
        return [*self.before, prompt, *self.after]

    def settle_in(self, home: Path, project: Path) -> None:
        """Write what it would have written when its user first started it."""
        for name, text in self.files.items():
            file = home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("{project}", str(project)))


CLAUDE = RealAgent(
    name="claude",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="Bash",
    before=("claude", "-p"),
    after=("--allowedTools", "Bash"),
    env={
        "ANTHROPIC_API_KEY": KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_TELEMETRY": "1",
        # As a first party it asks api.anthropic.com for its organisation's rules, and waits for that.
        "_CLAUDE_CODE_ASSUME_FIRST_PARTY_BASE_URL": "0",
    },
    files={
        ".claude.json": json.dumps(
            {
                "hasCompletedOnboarding": True,
                "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
                "projects": {"{project}": {"hasTrustDialogAccepted": True}},
            }
        )
    },
)

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

GEMINI = RealAgent(
    name="gemini",
    model="gemini-3.8-flash",
    cheaper="gemini-3.5-flash-lite",
    shell="run_shell_command",
    before=("gemini", "--yolo", "-p"),
    env={"GEMINI_API_KEY": KEY, "GEMINI_CLI_TRUST_WORKSPACE": "true"},
    files={
        ".gemini/settings.json": json.dumps(
            {
                "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
                "privacy": {"usageStatisticsEnabled": False},
                "telemetry": {"enabled": False},
            }
        )
    },
    hidden=1,
)

ROSTER = (CLAUDE, CODEX, CODEX_HTTP, GEMINI)
