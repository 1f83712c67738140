"""Continue's command line."""

from __future__ import annotations

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import continue_

_TRIAL = continue_.trial(KEY, PROJECT)
_FILE = ".continue/config.yaml"
_SETTINGS = f"""
name: main
version: 1.0.0
schema: v1
models:
  - name: main
    provider: openai
    model: gpt-6.1-sol
    apiKey: {KEY}
"""

_EXPERIMENT = "they are an experiment, behind a flag"
_NO_RETRY = "its own client of Anthropic's API shows the error at once"

CONTINUE = RealAgent(
    name="continue",
    package="npm:@continuedev/cli@1.5.47",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="Bash",
    before=("cn", "--auto", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    interrupted=130,
    lacks={"sub-agents": _EXPERIMENT, "retry-429": _NO_RETRY, "retry-503": _NO_RETRY},
    elsewhere=Elsewhere(files={_FILE: _TRIAL.files[_FILE].replace('"apiKey"', '"apiBase": "{url}/v1", "apiKey"')}),
)

CONTINUE_CHAT = replace(
    CONTINUE,
    name="continue-chat",
    model="gpt-6.1-sol",
    cheaper="gpt-6.1-terra",
    lacks={"sub-agents": _EXPERIMENT},
    files={_FILE: _SETTINGS},
    elsewhere=Elsewhere(files={_FILE: _SETTINGS + "    apiBase: {url}/v1\n"}),
)
"""OpenAI's chat completions."""

CONTINUE_RESPONSES = replace(
    CONTINUE_CHAT,
    name="continue-responses",
    model="gpt-5.3-codex",
    cheaper="gpt-5.4-mini",
    files={_FILE: _SETTINGS.replace("gpt-6.1-sol", "gpt-5.3-codex")},
    lacks={**CONTINUE_CHAT.lacks, "reconnect": "what came before the error is its answer"},
    elsewhere=Elsewhere(files={_FILE: _SETTINGS.replace("gpt-6.1-sol", "gpt-5.3-codex") + "    apiBase: {url}/v1\n"}),
)
"""OpenAI's Responses, which it takes by the name of the model."""

CONTINUE_GEMINI = replace(
    CONTINUE_CHAT,
    name="continue-gemini",
    model="gemini-3.8-flash",
    cheaper="gemini-3.5-flash-lite",
    dear="$0.001",
    files={_FILE: _SETTINGS.replace("gpt-6.1-sol", "gemini-3.8-flash").replace("openai", "gemini")},
    lacks={**CONTINUE_CHAT.lacks, "reconnect": "what came before the error is its answer"},
    elsewhere=Elsewhere(
        env={"GOOGLE_GEMINI_BASE_URL": "{url}"},
        files={_FILE: _SETTINGS.replace("gpt-6.1-sol", "gemini-3.8-flash").replace("openai", "gemini")},
    ),
)
