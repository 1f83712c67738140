"""OpenHands."""

from __future__ import annotations

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import openhands

_TRIAL = openhands.trial(KEY, PROJECT)

OPENHANDS = RealAgent(
    name="openhands",
    package="pypi3.12:openhands==1.16.0",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="terminal",
    before=("openhands", *_TRIAL.before),
    env={**_TRIAL.env},
    files={**_TRIAL.files},
    stopped=_TRIAL.stopped,
    asks=("pypi.org:443",),
    writes=".openhands/conversations/*/events/*.json",
    lacks={
        "loops": "it stops itself when a tool has been called four times with the same arguments",
        "streams": "its answers come whole",
        "ctrl-c": "it waits for the answer to its request before it ends",
    },
    sub_agent="general-purpose",
    elsewhere=Elsewhere(env={"LLM_BASE_URL": "{url}"}),
)
