"""Lines in the files of hook managers do something only while a file is there, which they look for themselves.

It is there for as long as the daemon runs. Where that was killed, the first of them that finds it dead takes the file
away (`rest.sh`).
"""

from __future__ import annotations

from pathlib import Path

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths
from tokenguard_hooks import files, scripts
from tokenguard_hooks.locking import alone

_SECONDS = 0.5
"""How long is waited for a hook that takes it away."""


def flag(paths: Paths) -> Path:
    """The file."""
    return hook_paths.hooks(paths) / hook_paths.AWAKE


def since_us(paths: Paths) -> int | None:
    """When lines could lead to this state folder first, or in this manner; None if they do not. Never raises."""
    try:
        return scripts.run_file(paths).stat().st_mtime_ns // 1000
    except OSError:
        return None


def wake(paths: Paths) -> None:
    """Let lines do something. Raises `TokenguardError`."""
    if since_us(paths) is None or flag(paths).exists():
        return
    with alone(hook_paths.hooks(paths), _SECONDS), files.told(flag(paths)):
        flag(paths).touch(0o600)


def put_to_sleep(paths: Paths) -> None:
    """Let them do nothing. Raises `TokenguardError`."""
    with files.told(flag(paths)):
        flag(paths).unlink(missing_ok=True)
