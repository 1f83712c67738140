"""Asking git, so that nothing of a repository's own settings runs a program, and nothing is fetched or locked."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable

_SECONDS = 30
"""It takes a hundredth of one, but machines on which agents work can be very busy."""
_GIT = ("git", "--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_QUIET = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def ask(folder: str, *words: str, told: bytes = b"") -> str | None:
    """What a git command prints that is run in a folder and told this on stdin; None if it fails. Never raises."""
    # Within a hook, git's variables name the repository of the hook.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _QUIET
    try:
        done = subprocess.run(
            [*_GIT, *words], cwd=folder, env=env, input=told, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def lines_of(names: Iterable[str]) -> bytes:
    """Names as git reads them from stdin."""
    return "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
