"""Kilo Code."""

from __future__ import annotations

import json

from msgspec.structs import replace

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import kilo

_TRIAL = kilo.trial(KEY, PROJECT)
_FILE = ".config/kilo/kilo.jsonc"
_SETTINGS = json.loads(_TRIAL.files[_FILE])


def _elsewhere(provider: str, **settings: str) -> Elsewhere:
    """A user whose settings name another address."""
    named = {**_SETTINGS, **settings, "provider": {provider: {"options": {"baseURL": "{url}/v1"}}}}
    return Elsewhere(files={_FILE: json.dumps(named)})


KILO = RealAgent(
    name="kilo",
    package="npm:@kilocode/cli@7.7.7",
    model="claude-opus-4-8",
    cheaper="claude-haiku-4-5",
    shell="bash",
    before=("kilo", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    interrupted=-2,
    settles=True,
    sub_agent="general",
    lacks={"reconnect": "it shows the error and ends"},
    elsewhere=_elsewhere("anthropic"),
)
"""With Anthropic."""

_OPENAI = {"model": "openai/gpt-5.3-codex", "small_model": "openai/gpt-5.4-mini"}

KILO_OPENAI = replace(
    KILO,
    name="kilo-openai",
    model="gpt-5.3-codex",
    cheaper="gpt-6.1-terra",
    env={**{name: value for name, value in KILO.env.items() if value != KEY}, "OPENAI_API_KEY": KEY},
    files={**KILO.files, _FILE: json.dumps({**_SETTINGS, **_OPENAI})},
    elsewhere=_elsewhere("openai", **_OPENAI),
)
"""With OpenAI Responses."""
