"""What a machine must not forget of its leases: a small file, on the disk before anybody is told."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tokenguard.errors import TeamError
from tokenguard.records.teams import Member, Share
from tokenguard.team.identity import Where
from tokenguard.team.postgres.chains import Chain

_FILE = "state.json"
_FIRST_EVERY_S = 60.0


class State(Struct):
    """All of it."""

    machine: str = ""
    """As which machine it takes part: the copy of one has another name."""
    joined: str = ""
    """As which it was asked to."""
    place: Where | None = None
    """Where this was written; None: by a version that did not note it."""
    renamed_us: int = 0
    """When it was found to be a copy, and took another name; 0: never."""
    visits: int = 0
    """To the database, under that name."""
    tokens: tuple[str, ...] = ()
    """One of which it left there at its last visit: the newest, unless nobody heard of that."""
    chains: tuple[Chain, ...] = ()
    asked: str = ""
    """A lease that was asked for, and of which it is not known whether it was granted."""
    shares: tuple[Share, ...] = ()
    """As last heard; granted is in them what is spent of it only, since the rest is in the leases."""
    members: tuple[Member, ...] = ()
    remarks: tuple[str, ...] = ()
    heard_us: int = 0
    """When; 0: never."""
    every_s: float = _FIRST_EVERY_S


def placed(state: State, joined: str, here: Where, spare: str, now_us: int) -> State:
    """A state as it is read: by a machine that was asked to take part as `joined`, and is `spare` if it is a copy."""
    if state.joined not in ("", joined):
        state = replace(renamed(state, joined, now_us), renamed_us=0)
    elif state.place is not None and here.is_copy_of(state.place):
        state = renamed(state, spare, now_us)
    return replace(state, machine=state.machine or joined, joined=joined, place=here)


def renamed(state: State, machine: str, now_us: int) -> State:
    """As another machine: what was leased is left to the former one, and so is what was reported as it.

    What both have spent and neither reported before the one was copied is told by both: rather twice than never.
    """
    chains = tuple(Chain(*chain.span, base=chain.base + chain.reported) for chain in state.chains)
    # Who never heard of the team has nothing to tell of its former name.
    told_us = now_us if state.heard_us else 0
    return replace(state, machine=machine, chains=chains, asked="", visits=0, tokens=(), renamed_us=told_us)


class Book:
    """The file. Raises `TeamError` if it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._turn = threading.Lock()
        self._given = self._written = 0

    def read(self) -> tuple[State, str]:
        """What was written last, and what is wrong with it; a new state where nothing was, or nothing readable."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=State), ""
        except FileNotFoundError:
            return State(), ""
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            # Nothing is lost but what the database will presume to be spent.
            return State(), f"{self._path} could not be read: what was leased before counts as spent"

    async def write(self, state: State) -> None:
        """Returns when it is on the disk; away from the event loop, which has calls to serve."""
        self._given += 1
        await asyncio.to_thread(self._write, msgspec.json.encode(state), self._given)

    def _write(self, data: bytes, number: int) -> None:
        with self._turn:
            if number < self._written:
                return  # Whoever waited for it was cancelled, and a later one came first.
            try:
                _replace(self._path, data)
            except OSError as error:
                raise TeamError(f"{self._path} cannot be written: {error.strerror}", "check the disk") from error
            self._written = number


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
