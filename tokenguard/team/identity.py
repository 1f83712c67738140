"""As which machine one takes part, and whether what is remembered was written by this one.

A folder that was copied, or put back from a backup, is found out by the machine's id, its inode and its path, so that
two never spend what was given to one. The image of a disk passes for the original here; whoever hears of both then has
to tell them apart.
"""

from __future__ import annotations

import contextlib
import secrets
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from tokenguard.errors import TeamError

NEWS_US = 7 * 24 * 3_600 * 1_000_000
"""So long it is told that a machine has another name."""

_MACHINE_ID = Path("/etc/machine-id")


class Where(Struct, frozen=True):
    """Where a state is written."""

    machine: str = ""
    """By the id that some systems have; empty: this one has none."""
    inode: int = 0
    path: str = ""

    def is_copy_of(self, other: Where) -> bool:
        """Whether what was written there is found here because it was copied.

        A folder can be moved, and some file systems number anew whenever they are mounted.
        """
        if self.machine != other.machine:
            return True
        return self.inode != other.inode and (self.path != other.path or not self.machine)


def where(folder: Path) -> Where:
    """Here. Makes the folder; raises `TeamError` where that cannot be."""
    machine = b""
    with contextlib.suppress(OSError):
        machine = _MACHINE_ID.read_bytes().strip()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        inode = folder.stat().st_ino
    except OSError as error:
        raise TeamError(f"{folder} cannot be written: {error.strerror}") from None
    id = sha256(b"tokenguard " + machine).hexdigest()[:16] if machine else ""
    return Where(id, inode, str(folder.resolve()))


def new_machine() -> str:
    """The name of a machine; it tells nothing of it."""
    return secrets.token_hex(6)


def renaming(now: str, before: str) -> str:
    """What a person is told of a machine that goes on under another name."""
    return (
        "what this machine knew of the team is a copy, or was put back from a backup: it takes part as "
        f"{now} now, and what was handed to {before} stays with that one"
    )
