"""What a machine must not forget: its own totals, what it was given, and the greatest that it ever saw of others.

Written and synced to the disk before anybody is told. A folder that was copied is found out by the machine's id, its
inode and its path, so that two never spend what was given to one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from tokenguard.errors import TeamError
from tokenguard.policy.rights import Cells, Holding
from tokenguard.team.gitrefs.document import Change

_MACHINE_ID = Path("/etc/machine-id")


class Seen(Struct, frozen=True, omit_defaults=True):
    """What is known of another writer."""

    sequence: int = 0
    at_us: int = 0
    left: bool = False
    budgets: dict[str, dict[str, Cells]] = {}
    doubted: tuple[tuple[str, str], ...] = ()
    """Budgets and periods of which it contradicted itself: nothing more is taken from it there."""
    birth: str = ""


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


class Asked(Struct, frozen=True):
    """What a person asked for, by when; `whole` is all that shall be handed to this machine in that period."""

    period: str
    whole: int
    at_us: int


class State(Struct, frozen=True, omit_defaults=True):
    """All that a machine remembers of a team."""

    writer: str
    """As which it takes part: `MEMBER/MACHINE`."""
    joined: str
    """As which it was asked to."""
    place: Where
    """Where this was written."""
    birth: str
    """Of this writer; a machine that lost its file and goes on under the same name was born again."""
    births: dict[str, str] = {}
    """Of the treasurer: to which writers, by their birth, it gave rights."""
    sequence: int = 0
    instances: dict[str, int] = {}
    """By process that wrote documents: the last sequence number it used."""
    digest: str = ""
    """Of the last document."""
    holdings: dict[str, dict[str, Holding]] = {}
    """By budget and period."""
    dropped: dict[str, int] = {}
    """By budget: when the latest period began that is no longer remembered."""
    seen: dict[str, Seen] = {}
    treasurers: tuple[str, ...] = ()
    """Whom the policy ever named."""
    changes: tuple[Change, ...] = ()
    asked: dict[str, Asked] = {}
    left: bool = False
    heard_us: int = 0
    renamed_us: int = 0
    """When it was found to be a copy, and took another name; 0: never."""


class Memory:
    """The file of a state, of one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "state.json"
        self._lock: int | None = None

    def load(self) -> State | None:
        """What was written last. Raises `TeamError` for a file that cannot be read: it must not be taken for none."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=State)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise TeamError(
                f"{self._file} cannot be read: {error}",
                "remove it; this machine then takes part as a new one, and what was handed to it is lost to the team",
            ) from None

    def save(self, state: State) -> None:
        """On the disk when this returns. Call `own` first. Raises `TeamError`."""
        new = self._file.with_suffix(".new")
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(state))
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self._file)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise TeamError(f"{self._file} cannot be written: {error.strerror}", "make room on the disk") from None

    def where(self) -> Where:
        """Here. Makes the folder; raises `TeamError` where that cannot be."""
        machine = b""
        with contextlib.suppress(OSError):
            machine = _MACHINE_ID.read_bytes().strip()
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            inode = self._folder.stat().st_ino
        except OSError as error:
            raise TeamError(f"{self._folder} cannot be written: {error.strerror}") from None
        id = sha256(b"tokenguard " + machine).hexdigest()[:16] if machine else ""
        return Where(id, inode, str(self._folder.resolve()))

    def own(self) -> None:
        """Keep other processes from writing. Raises `TeamError` where one does."""
        if self._lock is None:
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

    def close(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def new_id() -> str:
    """Of a process that writes documents, or of a writer's birth."""
    return secrets.token_hex(6)
