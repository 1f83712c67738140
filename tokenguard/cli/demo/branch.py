"""What comes after the agents: a commit that is warned of, a push that is stopped, and what the branch cost."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from pathlib import Path

from tokenguard.attribution.place import locate
from tokenguard.cli import output
from tokenguard.cli.demo.cast import ACTORS
from tokenguard.cli.demo.stage import Stage
from tokenguard.config import hook_paths

_PATIENCE = 5.0
"""Seconds for the daemon to write what hooks say, and to read what they note: it takes about one, and is not waited for
anywhere else. Nobody commits, pushes and asks as fast as a program."""

_COMMIT = ("git", "commit", "--quiet", "--allow-empty", "-m", "Leave the rest for tomorrow")
_PUSH = ("git", "push", "origin", "HEAD")
_REPORT = ("tokenguard", "report", "--range", f"main..{ACTORS[0].branch}")


def show(stage: Stage) -> None:
    """Do by hand what somebody does whose agent was stopped, and show what is said to it."""
    git_dir = locate(stage.folder(ACTORS[0])).git_dir
    assert git_dir is not None
    hooks = hook_paths.folder(stage.paths, Path(git_dir))
    status = hooks / hook_paths.STATUS
    until(lambda: status.is_file() and " block " in status.read_text("utf-8", "replace"))
    _do(stage, _COMMIT)
    _do(stage, _PUSH)
    until(lambda: not any(hooks.glob(f"{hook_paths.SPOOL}*")))
    _do(stage, _REPORT)


def _do(stage: Stage, command: tuple[str, ...]) -> None:
    output.say(f"$ {shlex.join(command)}")
    output.say(stage.by_hand(ACTORS[0], *command))


def until(holds: Callable[[], bool]) -> None:
    """Wait for what the daemon does by itself, but not for ever."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and not holds():
        time.sleep(0.05)
