"""Of what a machine remembers, one process is the writer: whoever takes over has to read what the last one wrote."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tokenguard.errors import TeamError


class Ownership:
    """Of a folder. It ends with the process at the latest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None

    def take(self) -> bool:
        """Keep others from writing; whether they could until now. Raises `TeamError` where somebody else writes."""
        if self._lock is not None:
            return False
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise TeamError(f"{self._folder} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise TeamError(f"another process uses {self._folder}", "stop the other daemon") from None
        self._lock = lock
        return True

    def release(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
