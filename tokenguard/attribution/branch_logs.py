"""On which branch a commit was made, as the branch's own log tells, which says the same of it as that of HEAD.

That of HEAD says nothing of `git symbolic-ref`, nor of a branch that has no commit yet. A branch takes its log along
when it gets another name, and when it is removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from tokenguard.attribution import logs, moves, tables
from tokenguard.attribution.moves import Move
from tokenguard.attribution.place import named as spelled

_RENAMED = re.compile(rb"\t" + tables.RENAMED.pattern + rb"$", re.MULTILINE)

_ROUGHLY_S = 3.0
"""How well a file system tells when a log was written."""


def named(common_dir: Path, git_dir: Path, made: Mapping[Move, str | None]) -> dict[Move, str]:
    """The branches on which commits were made in a working tree, as they were called then, by the moves of its HEAD.

    `made` tells for each which one is likely: of that the log is read first, and of others only where they were written
    since. Those of which no log of a branch tells are left out. Raises `TokenguardError` where tables cannot be read.
    """
    if not made:
        return {}
    if tables.are_in(git_dir):
        lines = {move: entry.line for entry in logs.numbered(git_dir) if (move := moves.told(entry.line)) in made}
        names = logs.branches_of(common_dir, {line: made[move] for move, line in lines.items()})
        return {move: spelled(names[line]) for move, line in lines.items() if line in names}
    found: dict[Move, str] = {}
    for likely in {branch for branch in made.values() if branch is not None}:
        found |= _told_by(common_dir, likely, [move for move, branch in made.items() if branch == likely])
    left = made.keys() - found
    # A commit whose time somebody has set to a later one than that of its log is not found.
    for branch in _written_since(common_dir, min((move.at_us for move in left), default=0)) if left else ():
        found |= _told_by(common_dir, branch, left)
        left = left - found.keys()
        if not left:
            break
    return found


def _told_by(common_dir: Path, branch: str, made: Collection[Move]) -> dict[Move, str]:
    """What the log of a branch, by its name of today, tells of these."""
    log = logs.content(common_dir, f"refs/heads/{branch}")
    found: dict[Move, str] = {}
    for move in made:
        if (end := _end_of(log, move)) is not None:
            renamed = _RENAMED.search(log, end)
            found[move] = spelled(os.fsdecode(renamed[1]) if renamed else branch)
    return found


def _end_of(log: bytes, move: Move) -> int | None:
    """Where the line of a move ends in a log that holds it."""
    begin, ids = -1, f"{move.old} {move.hash} ".encode()
    while (begin := log.find(ids, begin + 1)) >= 0:
        end = log.find(b"\n", begin)
        if moves.read(log[begin:end]) == [move]:
            return end
    return None


def _written_since(common_dir: Path, at_us: int) -> Iterator[str]:
    """The branches whose logs were written at an instant or later, the one that was written last first."""
    root = os.path.join(common_dir, "logs", "refs", "heads")
    since_s = at_us / 1e6 - _ROUGHLY_S
    found = sorted(((at_s, path) for path, at_s in _files(root) if at_s >= since_s), reverse=True)
    return (path[len(root) + 1 :] for _, path in found)


def _files(folder: str) -> Iterator[tuple[str, float]]:
    """All files in a folder and those in it, with when each was written. What is gone meanwhile is left out."""
    try:
        with os.scandir(folder) as entries:
            inside = list(entries)
    except OSError:
        return
    for entry in inside:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                yield entry.path, entry.stat(follow_symlinks=False).st_mtime
        except OSError:
            continue
