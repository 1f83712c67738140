"""Gemini CLI."""

from __future__ import annotations

import json

from tests.agents.roster.shape import KEY, RealAgent

GEMINI = RealAgent(
    name="gemini",
    package="npm:@google/gemini-cli@0.61.0",
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
