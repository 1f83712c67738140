"""The real agents: how each is run without a person, as its user would set it up."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct

KEY = "sk-ant-dummy-0123456789-abcdefghij-planted-secret"
"""In every agent's environment, and nowhere else afterwards."""


class RealAgent(Struct, frozen=True):
    """An agent as its user would set it up, telemetry and updates switched off."""

    name: str
    before: tuple[str, ...]
    """Command line before the prompt."""
    env: dict[str, str]
    after: tuple[str, ...] = ()
    files: dict[str, str] = {}
    """Below its home."""
    hidden: int = 0
    """Calls that it makes for a prompt besides the turns."""
    stopped: int = 1
    """Exit code after a refusal."""

    def command(self, prompt: str) -> list[str]:
        return [*self.before, prompt, *self.after]

    def settle_in(self, home: Path, project: Path) -> None:
        """Write what it would have written when its user first started it."""
        for name, text in self.files.items():
            file = home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("{project}", str(project)))


CLAUDE = RealAgent(
    "claude",
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

CODEX = RealAgent(
    "codex",
    before=("codex", "exec", "--sandbox", "danger-full-access"),
    env={"CODEX_API_KEY": KEY},
    files={
        ".codex/config.toml": "check_for_update_on_startup = false\n"
        "[analytics]\nenabled = false\n"
        "[feedback]\nenabled = false\n"
        "[features]\napps = false\nplugins = false\n"
    },
    hidden=1,
)

GEMINI = RealAgent(
    "gemini",
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

ROSTER = (CLAUDE, CODEX, GEMINI)
