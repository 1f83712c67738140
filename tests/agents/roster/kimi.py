"""Kimi Code, and Kimi CLI, its predecessor."""

from __future__ import annotations

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import kimi_cli, kimi_code

_CODE = kimi_code.trial(KEY, PROJECT)
_CLI = kimi_cli.trial(KEY, PROJECT)
_CODE_FILE, _CLI_FILE = ".kimi-code/config.toml", ".kimi/config.toml"
_MOONSHOT = "https://api.moonshot.ai/v1"


def _claude(settings: str) -> str:
    return (
        settings.replace('"kimi"', '"anthropic"')
        .replace(_MOONSHOT, "https://api.anthropic.com")
        .replace("kimi-k2.7-code", "claude-opus-5-5")
        .replace("max_context_size", "max_output_size = 32000\nmax_context_size")
    )


KIMI_CODE = RealAgent(
    name="kimi-code",
    package="npm:@moonshot-ai/kimi-code@2.1.0",
    model="kimi-k2.7-code",
    cheaper="kimi-k2.5",
    shell="Bash",
    before=("kimi", *_CODE.before),
    env={**_CODE.env},
    files={**_CODE.files},
    sub_agent="coder",
    interrupted=130,
    elsewhere=Elsewhere(files={_CODE_FILE: _CODE.files[_CODE_FILE].replace(_MOONSHOT, "{url}/v1")}),
)

KIMI_CODE_CLAUDE = replace(
    KIMI_CODE,
    name="kimi-code-claude",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    files={_CODE_FILE: _claude(_CODE.files[_CODE_FILE])},
    elsewhere=Elsewhere(
        files={_CODE_FILE: _claude(_CODE.files[_CODE_FILE]).replace("https://api.anthropic.com", "{url}")}
    ),
)
"""Anthropic's Messages."""

KIMI_CODE_VARIABLES = replace(
    KIMI_CODE,
    name="kimi-code-variables",
    model="gpt-6.1-sol",
    cheaper="gpt-6.1-terra",
    env={
        **_CODE.env,
        "KIMI_MODEL_NAME": "gpt-6.1-sol",
        "KIMI_MODEL_API_KEY": KEY,
        "KIMI_MODEL_PROVIDER_TYPE": "openai_responses",
        "KIMI_MODEL_MAX_OUTPUT_SIZE": "32000",
    },
    files={},
    elsewhere=Elsewhere(env={"KIMI_MODEL_BASE_URL": "{url}/v1"}),
)
"""OpenAI's Responses, and no file."""

KIMI_CLI = RealAgent(
    name="kimi-cli",
    package="pypi3.13:kimi-cli==1.47.0",
    model="kimi-k2.7-code",
    cheaper="kimi-k2.5",
    shell="Shell",
    before=("kimi-cli", *_CLI.before),
    # It breaks its lines in the middle of words.
    env={**_CLI.env, "COLUMNS": "2000"},
    files={**_CLI.files},
    interrupted=1,
    lacks={"reconnect": "it ends with the error"},
    sub_agent="coder",
    elsewhere=Elsewhere(files={_CLI_FILE: _CLI.files[_CLI_FILE].replace(_MOONSHOT, "{url}/v1")}),
)
