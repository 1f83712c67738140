"""Claude Code."""

from __future__ import annotations

import json

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import claude

_TRIAL = claude.trial(KEY, PROJECT)

CLAUDE = RealAgent(
    name="claude",
    package="npm:@anthropic-ai/claude-code@2.1.329",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="Bash",
    before=("claude", *_TRIAL.before),
    after=("--allowedTools", "Bash"),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    sub_agent="general-purpose",
    elsewhere=Elsewhere(files={".claude/settings.json": json.dumps({"env": {"ANTHROPIC_BASE_URL": "{url}"}})}),
)
