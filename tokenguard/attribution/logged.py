"""Commits that hooks have noted by their place in the log of HEAD, where that is in tables (see `tables`).

There, only git tells a hook which commit was made, and to ask it takes longer than all the rest. What a shell can see
is the number of the last change in those tables, after the commit and before anything else moves that HEAD. Numbers
stay when git puts tables together or forgets old lines, and begin anew only where references are migrated.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from pathlib import Path

from tokenguard.attribution import layout, logs, moves, tables
from tokenguard.attribution.missed import branches
from tokenguard.attribution.place import Place
from tokenguard.attribution.spool import Logged, Made, Noted

_ONLY_MOVES = re.compile(r"(?:checkout|reset|Branch|clone|merge|pull)\b|cherry-pick: fast-forward")
"""What another hook may have done after the commit, and no hook is told of."""
_LEFT = re.compile(r"checkout: moving from (\S+) to ")


def are_told(common_dir: Path, tree: str) -> bool:
    """Whether commits of a working tree can be noted like that from now on. Never raises.

    Git goes on with a log that is there, whatever `core.logAllRefUpdates` says (git-config(1)).
    """
    git_dir = layout.folder_of(common_dir, tree)
    return tables.are_in(git_dir) and logs.is_kept(git_dir)


def named(common_dir: Path, noted: Noted) -> Noted:
    """These lines with the commits that they stand for; one for which there is none counts as unknown.

    Raises `TokenguardError` where a log cannot be read.
    """
    trees = {line.tree for line in noted.lines if isinstance(line, Logged)}
    if not trees:
        return noted
    heads = {tree: _Log(common_dir, tree) for tree in trees}
    told = [heads[line.tree].made(line) if isinstance(line, Logged) else line for line in noted.lines]
    found = tuple(line for line in told if line is not None)
    return Noted(found, noted.written_us, noted.unknown + told.count(None))


class _Log:
    """The log of HEAD in a working tree."""

    def __init__(self, common_dir: Path, tree: str) -> None:
        self._common_dir, self._git_dir = common_dir, layout.folder_of(common_dir, tree)
        # Before the log, which tells of what comes after this.
        self._now = Place(git_dir=str(self._git_dir)).branch()
        lines = [(number, text) for number, text in logs.numbered(self._git_dir) if moves.read(text)]
        self._numbers = [number for number, _ in lines]
        self._texts = [text for _, text in lines]
        self._moves = [move for text in self._texts for move in moves.read(text)]
        self._last_other = max((at for at, move in enumerate(self._moves) if not moves.makes(move.how)), default=-1)
        self._known: dict[str, frozenset[bytes]] = {}

    def made(self, line: Logged) -> Made | None:
        """The commit that a line stands for."""
        at = bisect_right(self._numbers, line.change) - 1
        while at >= 0 and _only_moves(self._moves[at].how):
            at -= 1
        return None if at < 0 else Made(line.tree, self._branch(at), self._moves[at].hash)

    @cached_property
    def _branches(self) -> list[str | None]:
        """Those of all moves, for which all references have to be read."""
        return branches(self._moves, self._common_dir, self._git_dir)

    def _branch(self, at: int) -> str | None:
        """The branch on which a commit was made."""
        if at > self._last_other:
            return self._now
        told, text = self._branches[at], self._texts[at]
        if told is not None and (not self._of(told) or text in self._of(told)):
            return told
        # Of `git symbolic-ref` the log of HEAD tells nothing until that is left again; the branch's own log does.
        left = (found[1] for move in self._moves[at + 1 :] if (found := _LEFT.match(move.how)))
        others = (one for one in (next(left, None), self._now) if one is not None)
        return next((one for one in others if text in self._of(one)), told)

    def _of(self, branch: str) -> frozenset[bytes]:
        """The lines of a branch's log."""
        if branch not in self._known:
            log = logs.content(self._common_dir, f"refs/heads/{branch}")
            self._known[branch] = frozenset(log.splitlines(keepends=True))
        return self._known[branch]


def _only_moves(how: str) -> bool:
    return not moves.repeats(how) and (moves.is_of_rebase(how) or _ONLY_MOVES.match(how) is not None)
