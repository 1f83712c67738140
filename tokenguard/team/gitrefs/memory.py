"""What a machine must not forget: its own totals, what it was given, and the greatest that it ever saw of others.

Written and synced to the disk before anybody is told.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec
from msgspec import Struct

from tokenguard.errors import TeamError
from tokenguard.policy.rights import Cells, Holding
from tokenguard.team.gitrefs.document import Change
from tokenguard.team.identity import Where


class Seen(Struct, frozen=True, omit_defaults=True):
    """What is known of another writer."""

    sequence: int = 0
    at_us: int = 0
    left: bool = False
    budgets: dict[str, dict[str, Cells]] = {}
    doubted: tuple[tuple[str, str], ...] = ()
    """Budgets and periods of which it contradicted itself: nothing more is taken from it there."""
    birth: str = ""


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
        """On the disk when this returns. Raises `TeamError`."""
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


def new_id() -> str:
    """Of a process that writes documents, or of a writer's birth."""
    return secrets.token_hex(6)
