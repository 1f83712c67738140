"""Hooks are changed by one process at a time: each holds the lock of the folder that they belong to."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tokenguard.errors import TokenguardError
from tokenguard_hooks import files


@contextmanager
def alone(folder: Path, seconds: float = 0) -> Generator[None]:
    """Keep others from changing the hooks of a repository (its common git folder), or those of all; what they do now is
    waited for so long.

    Raises `TokenguardError`.
    """
    until_s = time.monotonic() + seconds
    with files.told(folder):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until_s:
                    raise TokenguardError(f"the hooks of {folder} are being changed", "try again") from None
                time.sleep(0.02)
            except OSError:
                break  # a file system without locks
        yield
    finally:
        # A program that is being started this moment has the same lock until it has begun.
        with suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_UN)
        os.close(opened)
