"""What comes after the agents: a commit that is warned of, a push that is stopped, and what the branch cost."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from tokenguard.attribution.place import locate
from tokenguard.cli import output
from tokenguard.cli.demo.stage import ACTORS, Stage
from tokenguard.config import hook_paths

_PATIENCE = 5.0
"""Seconds for the daemon to write what hooks say; it takes half of one."""

_COMMANDS = (
    ("git", "commit", "--quiet", "--allow-empty", "-m", "Leave the rest for tomorrow"),
    ("git", "push", "origin", "HEAD"),
    ("tokenguard", "report", "--range", f"main..{ACTORS[0].branch}"),
)


def show(stage: Stage) -> None:
    """Do by hand what somebody does whose agent was stopped, and show what is said to it."""
    _wait_for_hooks(stage)
    for command in _COMMANDS:
        output.say(f"$ {shlex.join(command)}")
        output.say(stage.by_hand(ACTORS[0], *command))


def _wait_for_hooks(stage: Stage) -> None:
    """Until hooks know that the budget is nearly used up: what happens in two seconds elsewhere takes none here."""
    git_dir = locate(stage.folder(ACTORS[0])).git_dir
    if git_dir is None:
        return
    status = hook_paths.folder(stage.paths, Path(git_dir)) / hook_paths.STATUS
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and not (status.is_file() and " block " in status.read_text("utf-8", "replace")):
        time.sleep(0.05)
