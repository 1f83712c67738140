"""Claude Code."""

from __future__ import annotations

import json

from msgspec.structs import replace

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

_ENV = {name: value for name, value in _TRIAL.env.items() if name != "ANTHROPIC_API_KEY"}

CLAUDE_BEDROCK = replace(
    CLAUDE,
    name="claude-bedrock",
    env={
        **_ENV,
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "AWS_REGION": "us-east-1",
        "AWS_BEARER_TOKEN_BEDROCK": KEY,
        # Of models that it is not told it asks Bedrock whether the account has them, one call each.
        "ANTHROPIC_MODEL": "us.anthropic.claude-opus-5-5",
        "ANTHROPIC_DEFAULT_OPUS_MODEL": "us.anthropic.claude-opus-5-5",
        "ANTHROPIC_DEFAULT_SONNET_MODEL": "us.anthropic.claude-sonnet-5-5",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "us.anthropic.claude-haiku-5-5",
    },
    model="us.anthropic.claude-opus-5-5",
    answers_as="claude-opus-5-5",
    cheaper="us.anthropic.claude-haiku-5-5",
    lacks={
        **CLAUDE.lacks,
        "aimock": "it does not speak Bedrock's protocol",
        "reconnect": "an error within a stream of Bedrock's ends its turn",
    },
    elsewhere=Elsewhere(env={"ANTHROPIC_BEDROCK_BASE_URL": "{url}"}),
)
"""At Amazon Bedrock, by a Bedrock API key."""

CLAUDE_VERTEX = replace(
    CLAUDE,
    name="claude-vertex",
    env={
        **_ENV,
        "CLAUDE_CODE_USE_VERTEX": "1",
        "CLOUD_ML_REGION": "us-east5",
        "ANTHROPIC_VERTEX_PROJECT_ID": "simulated-project",
        "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1",
        "ANTHROPIC_CUSTOM_HEADERS": f"Authorization: Bearer {KEY}",
    },
    lacks={**CLAUDE.lacks, "aimock": "it does not speak Vertex AI's protocol"},
    elsewhere=Elsewhere(env={"ANTHROPIC_VERTEX_BASE_URL": "{url}/v1"}),
)
"""At Google Vertex AI, with a token of one's own."""
