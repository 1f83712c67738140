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

_ONLY_MOVES = re.compile(r"$|(?:checkout|reset|Branch|clone|merge|pull)\b|cherry-pick: fast-forward")
"""What another hook may have done after the commit, and no hook is told of. Of `git symbolic-ref` nothing is said."""


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
    trees: dict[str, list[Logged]] = {}
    for line in noted.lines:
        if isinstance(line, Logged):
            trees.setdefault(line.tree, []).append(line)
    if not trees:
        return noted
    logs_of = {tree: _Log(common_dir, tree, [line.change for line in marks]) for tree, marks in trees.items()}
    told = [logs_of[line.tree].made(line) if isinstance(line, Logged) else line for line in noted.lines]
    found = tuple(line for line in told if line is not None)
    return Noted(found, noted.written_us, noted.unknown + told.count(None))


class _Log:
    """The log of HEAD in a working tree, for these changes."""

    def __init__(self, common_dir: Path, tree: str, changes: list[int]) -> None:
        self._common_dir, self._git_dir = common_dir, layout.folder_of(common_dir, tree)
        # Before the log, which tells of what comes after this.
        self._now = Place(git_dir=str(self._git_dir)).branch()
        self._entries = logs.numbered(self._git_dir)
        lines = [entry.line for entry in self._entries]
        self._moves = [moves.told(line) for line in lines]
        self._last_other = max((at for at, move in enumerate(self._moves) if not moves.makes(move.how)), default=-1)
        self._places = {change: self._place(change) for change in set(changes)}
        wanted = {lines[at]: self._likely(at) for at in self._places.values() if at is not None}
        self._told = logs.branches_of(common_dir, wanted)

    def made(self, line: Logged) -> Made | None:
        """The commit that a line stands for."""
        at = self._places[line.change]
        return None if at is None else Made(line.tree, self._branch(at), self._moves[at].hash)

    def _place(self, change: int) -> int | None:
        """Where in the log the last commit stands that was made up to a change."""
        at = bisect_right(self._entries, change, key=lambda entry: entry.number) - 1
        while at >= 0 and _only_moves(self._moves[at].how):
            at -= 1
        return at if at >= 0 else None

    def _branch(self, at: int) -> str | None:
        """The branch on which a commit was made: its own log says the same as that of HEAD. Where none does, there was
        none, or it keeps no log."""
        name = self._told.get(self._entries[at].line)
        if name is None:
            return self._now if at > self._last_other else self._branches[at]
        return name

    def _likely(self, at: int) -> str | None:
        """The branch of a move, where it can be told without all references."""
        return self._now if at > self._last_other else None

    @cached_property
    def _branches(self) -> list[str | None]:
        """Those of all moves as far as HEAD's log tells, for which all references have to be read."""
        return branches(self._moves, self._common_dir, self._git_dir)


def _only_moves(how: str) -> bool:
    return not moves.repeats(how) and (moves.is_of_rebase(how) or _ONLY_MOVES.match(how) is not None)
