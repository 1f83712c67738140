"""Claude Code."""

from __future__ import annotations

import json

from tests.agents.roster.shape import KEY, RealAgent

CLAUDE = RealAgent(
    name="claude",
    package="npm:@anthropic-ai/claude-code@2.1.329",
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
