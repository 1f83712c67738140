"""What an agent's hooks have beside them in the private folder: the way to the session's files, and back to us."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from tokenguard.agents import hooks
from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths

_MOST = 4096
"""Bytes that are read at once; what they are does not matter."""


def connect(folder: Path, paths: Paths, session_id: str) -> None:
    """Lead the scripts in a private folder to the files of their session. Without that, they say nothing."""
    try:
        (folder / hooks.SESSION).symlink_to(hook_paths.session_folder(paths, session_id))
    except (OSError, ValueError):
        pass


def pipe(folder: Path) -> int | None:
    """Make the pipe by which scripts in a private folder tell us something; None if that cannot be."""
    try:
        os.mkfifo(folder / hooks.TURNS, 0o600)
        # For writing too: it has no end then, whoever comes and goes.
        return os.open(folder / hooks.TURNS, os.O_RDWR)
    except OSError:
        return None


def follow(reading: int, turn_ended: Callable[[], object]) -> None:
    """Call `turn_ended` whenever something comes, until this process ends. Returns at once."""

    def read() -> None:
        while os.read(reading, _MOST):
            turn_ended()

    threading.Thread(target=read, name="turns", daemon=True).start()
