"""What moved HEAD in a working tree, as its log tells: since when work was done for a commit that was made there.

A rebase makes its commits while nobody works, so what was spent before it began is not for them but for the next commit
that somebody makes. What is spent within one, on a conflict say, is for the commit with which it goes on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from tokenguard.attribution import logs
from tokenguard.attribution.reftable import Line

_LINE = re.compile(rb"^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [^\t\n]*> (\d{1,12}) [+-]\d{4}\t(.*)$", re.MULTILINE)
_SECOND_US = 1_000_000
_REBASES = re.compile(r"(?:rebase|pull)\b[^:]*\((\w+)\)")
_MADE = ("commit", "revert")
_COPIED = ("cherry-pick", "commit (cherry-pick)")


class Move(NamedTuple):
    """HEAD came to stand at a commit."""

    hash: str
    at_us: int
    """To the second."""
    how: str
    old: str
    """The commit at which it stood: another one than the move before came to, where HEAD was made to stand for another
    branch (git-symbolic-ref(1))."""


class Making(Struct, frozen=True):
    """How a commit came to be."""

    since_us: int | None
    """The first instant at which a call can have been for it; None where no move before it is on record."""
    repeats: bool
    """As in `Closing`."""


def moves(git_dir: Path) -> list[Move]:
    """The moves of the HEAD of a working tree with this git folder, the oldest first. Never raises."""
    return read(logs.content(git_dir))


def read(log: bytes) -> list[Move]:
    """The moves in what the log of a HEAD holds, the oldest first."""
    return [
        Move(hash.decode(), int(at) * _SECOND_US, how.decode("utf-8", "replace"), old.decode())
        for old, hash, at, how in _LINE.findall(log)
    ]


def told(line: Line) -> Move:
    """The move that a line in tables tells of."""
    return Move(line.new, line.at_s * _SECOND_US, line.how.decode("utf-8", "replace"), line.old)


def starts(how: str) -> bool:
    """Whether a rebase began with this move."""
    return _step(how) == "start"


def finishes(how: str) -> bool:
    """Whether a rebase came to its end with this move."""
    return _step(how) == "finish"


def repeats(how: str) -> bool:
    """Whether this move is a step of a rebase that made a commit."""
    return _step(how) not in (None, "start", "finish", "abort", "reset")


def is_of_rebase(how: str) -> bool:
    """Whether this move is one of a rebase."""
    return _step(how) is not None


def returns(how: str) -> bool:
    """Whether this move is a step of a rebase that went back to a commit made before, to go on from there."""
    return _step(how) == "reset"


def making(found: list[Move], hash: str) -> Making | None:
    """How a commit was made; None where no move tells."""
    place = place_of(found, hash)
    if place is None:
        return None
    how, before = found[place].how, found[:place]
    if _step(how) is not None:
        return Making(before[-1].at_us if before else None, repeats=True)
    if how.startswith("cherry-pick"):
        return Making(found[place].at_us, repeats=True)
    return Making(_made_before(before), repeats=how.startswith(_COPIED))


def left_before(found: list[Move], hash: str) -> str | None:
    """The commit that HEAD was taken away from, by resets, right before this one was made; None if it was not."""
    place = place_of(found, hash) or 0
    begun = place
    while begun > 1 and found[begun - 1].how.startswith("reset: "):
        begun -= 1
    return found[begun - 1].hash if begun < place else None


def _made_before(before: list[Move]) -> int | None:
    """When the commit before was made, or the rebase began that is not at its end, or the working tree."""
    within_another = False
    for move in reversed(before):
        step = _step(move.how)
        if step in ("finish", "abort"):
            within_another = True
        elif step == "start":
            if not within_another:
                return move.at_us
            within_another = False
        elif not within_another and move.how.startswith(_MADE):
            return move.at_us
    return before[0].at_us if before else None


def place_of(found: list[Move], hash: str) -> int | None:
    """The move by which a commit was made; None where none tells."""
    return next((at for at in reversed(range(len(found))) if found[at].hash == hash and makes(found[at].how)), None)


def makes(how: str) -> bool:
    """Whether this move made a commit, as far as its words are git's own."""
    return how.startswith((*_MADE, *_COPIED)) or repeats(how)


def _step(how: str) -> str | None:
    """The step of a rebase that a move was."""
    found = _REBASES.match(how)
    return found[1] if found else None
