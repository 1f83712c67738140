"""What hooks would have noted while they slept, read from what git itself keeps: the logs of HEAD.

They tell of each commit that was made, on which branch, and what it took the place of; what a rebase or a squash has
put together is found in the commits. The lines are those of `spool`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import accumulate
from pathlib import Path

from tokenguard.attribution import branch_logs, layout, logs, moves, remade
from tokenguard.attribution.closing import written_us
from tokenguard.attribution.layout import MAIN
from tokenguard.attribution.logs import Mark
from tokenguard.attribution.moves import Move
from tokenguard.attribution.place import Place
from tokenguard.attribution.reflog import branch_named

_SECOND_US = 1_000_000
_BLANK = re.compile(r"\s")
_SWITCHED = re.compile(r"checkout: moving from (\S+) to (\S+)$|Branch: renamed refs/heads/(\S+) to refs/heads/(\S+)$")
_RETURNED = re.compile(r"[^:]*\((?:finish|abort)\): returning to (\S+)$")
_MADE = re.compile(r"(?:commit|revert|cherry-pick)\b(?!: fast-forward$)")


def marks(common_dir: Path) -> dict[str, Mark]:
    """How far the logs of all working trees go now, by their names; without those that keep none.

    Raises `TokenguardError` where that cannot be told.
    """
    found = {name: logs.mark(layout.folder_of(common_dir, name)) for name in _trees(common_dir)}
    return {name: mark for name, mark in found.items() if mark is not None}


def missed(common_dir: Path, since: Mapping[str, Mark], from_us: int | None = None) -> list[str]:
    """The lines about what was done after these marks, in their order. Blocks while git is asked. Raises
    `TokenguardError`.

    A log in which the last line that was read is gone is read from its beginning: what was taken changes nothing. So is
    one without a mark, or else from what was done at an instant or later.
    """
    told = [_told(common_dir, name, since.get(name), from_us) for name in _trees(common_dir)]
    return [line for _, lines in merge(*told, key=lambda one: one[0]) for line in lines]


def _told(common_dir: Path, name: str, since: Mark | None, from_us: int | None) -> list[tuple[int, list[str]]]:
    """The lines of a working tree, each move's with an instant that never goes back."""
    git_dir = layout.folder_of(common_dir, name)
    if logs.mark(git_dir) in (since, None):
        return []
    data, seen = logs.since(git_dir, since or Mark())
    found = moves.read(data)
    if since is None and from_us is not None:
        begun = _first(common_dir, found, from_us)
    else:
        begun = len(moves.read(data[:seen]))
    known = branches(found, common_dir, git_dir)
    made = {found[at]: known[at] for at in range(begun, len(found)) if _MADE.match(found[at].how)}
    told_by_branches = branch_logs.named(common_dir, git_dir, made)
    known = [told_by_branches.get(move, branch) for move, branch in zip(found, known, strict=True)]
    tree = "?" if _BLANK.search(name) else name
    times = list(accumulate((move.at_us for move in found), max))
    told = (list(_lines(common_dir, git_dir, tree, found, at, known[at])) for at in range(begun, len(found)))
    return list(zip(times[begun:], told, strict=True))


def _first(common_dir: Path, found: list[Move], from_us: int) -> int:
    """The first move that was made at an instant or later. Its time may be one that somebody has set: its commit's file
    tells, too, as long as it has one."""
    since_us = from_us - _SECOND_US
    late = (
        at
        for at, move in enumerate(found)
        if move.at_us >= since_us or (written_us(common_dir, move.hash) or 0) >= since_us
    )
    return next(late, len(found))


def _lines(common_dir: Path, git_dir: Path, tree: str, found: list[Move], at: int, branch: str | None) -> Iterator[str]:
    """What hooks would have noted of one move."""
    hash, how = found[at].hash, found[at].how
    if moves.repeats(how) or _MADE.match(how):
        if how.startswith("commit:") and (hashes := remade.squashed(common_dir, found, at)):
            yield f"1 squash {tree} {' '.join(hashes)}"
        yield f"1 commit {tree} {branch or '-'} {hash}"
        if how.startswith("commit (amend)"):
            yield f"1 rewrite amend {found[at].old} {hash}"
        elif at and remade.amends(common_dir, found[at], found[at - 1]):
            yield f"1 rewrite amend {found[at - 1].hash} {hash}"
    if moves.finishes(how) or _ends_afloat(git_dir, found, at):
        end = at if moves.finishes(how) else at + 1
        for old, new in remade.rebased(common_dir, found, end, branch):
            yield f"1 rewrite rebase {old} {new}"


def _ends_afloat(git_dir: Path, found: list[Move], at: int) -> bool:
    """Whether this is the last step of a rebase on no branch: the log does not say that those come to their end."""
    if not moves.repeats(found[at].how):
        return False
    after = next((move.how for move in found[at + 1 :] if moves.is_of_rebase(move.how)), None)
    if after is not None:
        return moves.starts(after)
    return not any((git_dir / name).exists() for name in ("rebase-merge", "rebase-apply"))


def branches(found: list[Move], common_dir: Path, git_dir: Path) -> list[str | None]:
    """The branch on which each move left HEAD, as far as the log of HEAD tells; None for none."""
    local, is_other = layout.branches(str(common_dir)), layout.others(str(common_dir))

    def named(name: str) -> str | None:
        """The branch of this name, unless it is something else that can be checked out."""
        branch = branch_named(name)
        return None if branch is None or (is_other(name) and branch not in local) else branch

    switches = [_SWITCHED.match(move.how) for move in found]
    now = Place(git_dir=str(git_dir)).branch()
    branch, told = None, list[str | None]()
    for at, (move, switch) in enumerate(zip(found, switches, strict=True)):
        if at == 0 or move.how.startswith("commit (initial)"):
            # Nothing tells of a branch before its first commit.
            branch = next((named(one[1] or one[3]) for one in switches[at:] if one), now)
        if switch:
            branch = named(switch[2] or switch[4])
        elif returned := _RETURNED.match(move.how):
            branch = named(returned[1])
        elif moves.starts(move.how):
            branch = None
        told.append(branch)
    return told


def _trees(common_dir: Path) -> list[str]:
    try:
        return [MAIN, *sorted(os.listdir(common_dir / "worktrees"))]
    except OSError:
        return [MAIN]
