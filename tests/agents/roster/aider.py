"""aider."""

from __future__ import annotations

from tests.agents.roster.shape import KEY, PROJECT, Elsewhere, RealAgent
from tokenguard.agents import aider

_TRIAL = aider.trial(KEY, PROJECT)

AIDER = RealAgent(
    name="aider",
    package="pypi:aider-chat==0.86.2",
    model="claude-opus-5-5",
    cheaper="claude-haiku-4-5",
    shell="",
    before=("aider", *_TRIAL.before),
    after=(*_TRIAL.after, "--model", "anthropic/claude-opus-5-5"),
    # What it prints is broken into lines of this length.
    env={**_TRIAL.env, "COLUMNS": "1000"},
    files={**_TRIAL.files},
    stopped=_TRIAL.stopped,
    lacks=dict.fromkeys(("tools", "parallel", "sub-agents"), "aider's model answers with edits, and calls no tools"),
    settles=True,
    elsewhere=Elsewhere(args=("--set-env", "ANTHROPIC_API_BASE={url}")),
)
