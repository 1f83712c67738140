"""Mistral Vibe."""

from __future__ import annotations

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import vibe

_TRIAL = vibe.trial(KEY, PROJECT)
_MODELS = """
active_model = "medium"
[[models]]
name = "mistral-medium-2604"
provider = "mistral"
alias = "medium"
"""
_ELSEWHERE = """
[[providers]]
name = "mistral"
api_base = "{url}/v1"
api_key_env_var = "MISTRAL_API_KEY"
backend = "mistral"
"""

VIBE = RealAgent(
    name="vibe",
    package="pypi3.12:mistral-vibe==3.0.2",
    model="mistral-medium-2604",
    cheaper="mistral-small-2603",
    shell="bash",
    before=("vibe", "--auto-approve", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files, ".vibe/config.toml": _MODELS},
    stopped=_TRIAL.stopped,
    interrupted=130,
    hurried=3,
    lacks={
        "sub-agents": "without a person it offers none",
        "reconnect": "its library cannot read an error within a stream",
        "aimock-tools": "it takes the calls in aimock's chunks for not valid, and ends",
    },
    elsewhere=Elsewhere(files={".vibe/config.toml": _MODELS + _ELSEWHERE}),
)
