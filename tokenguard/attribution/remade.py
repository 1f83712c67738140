"""Of which commits others were made, where no hook has told: from what they change, and who wrote them when.

A rebase that is at its end has left its steps in the log of HEAD. What a step changes is what one of the commits before
changed, wherever it stands now; a conflict changes that, but neither the author nor the date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from tokenguard.attribution import logs, moves
from tokenguard.attribution.commits import Commit, described
from tokenguard.attribution.git import ask, lines_of
from tokenguard.attribution.moves import Move

_LISTED = re.compile(r"^commit ([0-9a-f]{40,64})$", re.MULTILINE)
"""The commits in the message that git proposes for a squash."""
_AMENDS = re.compile(r"^(?:rebase|pull)\b[^:]*\((?:fixup|squash|reword|continue)\)")
_LEFT = re.compile(r"checkout: moving from ")
_MOST = 1_000
"""Commits of one rebase that are looked at."""


def rebased(common_dir: Path, found: list[Move], end: int, branch: str | None) -> list[tuple[str, str]]:
    """Old and new of all commits that a rebase has put into the place of others; `end` is the move after its last step.

    What cannot be told is left out. Blocks while git is asked.
    """
    begin = next((at for at in range(end - 1, -1, -1) if moves.starts(found[at].how)), 0)
    if begin == 0:
        return []
    repo, tip = str(common_dir), found[end - 1].hash
    old_tip = _tip_before(common_dir, branch, found[end] if end < len(found) else None) or found[begin - 1].hash
    told = ask(repo, "rev-list", "--reverse", "--topo-order", f"--max-count={_MOST}", old_tip, f"^{tip}") or ""
    known = described(repo, {*told.split(), *(move.hash for move in found[begin:end])}) or {}
    olds = [known[old] for old in told.split() if old in known]
    return _Rebase(repo, known, olds, found[begin].hash).pairs(found[begin:end]) if olds else []


class _Rebase:
    """Finds, step by step, which commits have become which. What is changed by hand belongs to the step before."""

    def __init__(self, repo: str, known: Mapping[str, Commit], olds: list[Commit], start: str) -> None:
        """`known` holds those of its log, and `olds`, which are not there any more."""
        self._repo = repo
        self._known = known
        self._left = {old.hash: old for old in olds}
        self._groups = [_Group(start, [start])]
        self._strange: list[_Group] = []

    def pairs(self, log: list[Move]) -> list[tuple[str, str]]:
        steps = [self._change(before, move) for before, move in pairwise(log)]
        changes = _changes(self._repo, [*((old,) for old in self._left), *steps])
        same = {changes[old,]: old for old in reversed(self._left) if (old,) in changes}
        for (before, move), step in zip(pairwise(log), steps, strict=True):
            if move.hash in self._known and move.hash != before.hash:
                change = changes.get(step)
                self._step(before, move, same.get(change or ""), is_empty=change is None)
        if len(self._strange) == len(self._left):
            for group, old in zip(self._strange, self._left, strict=True):
                group.olds.append(old)
        return [(old, group.heir) for group in self._groups for old in group.olds if old != group.heir]

    def _step(self, before: Move, move: Move, same: str | None, *, is_empty: bool) -> None:
        by_git = move.how.startswith(("rebase", "pull"))
        folds = takes_its_place(self._known, move.hash, before.hash)
        old = same if same in self._left else None if folds else self._of_the_same_author(move.hash)
        if moves.returns(move.how):
            self._groups.append(_Group(move.hash, []))
        elif folds or (old is None and not by_git):
            self._groups[-1].heir = move.hash
            if old is None and by_git and not is_empty:
                self._strange.append(self._groups[-1])
        else:
            self._groups.append(_Group(move.hash, []))
        if old is not None:
            self._groups[-1].olds.append(self._left.pop(old).hash)

    def _change(self, before: Move, move: Move) -> tuple[str, ...]:
        """What a step changed: beyond its parent, or beyond the commit that it took the place of."""
        folds = takes_its_place(self._known, move.hash, before.hash)
        return (move.hash, before.hash) if folds else (move.hash,)

    def _of_the_same_author(self, hash: str) -> str | None:
        made = self._known[hash]
        same = (one for one, old in self._left.items() if (old.author, old.at_us) == (made.author, made.at_us))
        return next(same, None)


class _Group:
    """Commits that have become one."""

    def __init__(self, heir: str, olds: list[str]) -> None:
        self.heir = heir
        self.olds = olds


def takes_its_place(known: Mapping[str, Commit], hash: str, before: str) -> bool:
    """Whether a commit stands where the one before it stood."""
    both = hash in known and before in known and hash != before
    return both and known[hash].parents == known[before].parents


def amends(common_dir: Path, move: Move, before: Move) -> bool:
    """Whether a step of a rebase has put its commit into the place of the one before."""
    if not _AMENDS.search(move.how):
        return False
    return takes_its_place(described(str(common_dir), {move.hash, before.hash}) or {}, move.hash, before.hash)


def squashed(common_dir: Path, found: list[Move], at: int) -> tuple[str, ...]:
    """The commits that were merged as the one that a move made: its message names them, or it holds what they did.

    Blocks while git is asked.
    """
    repo, hash = str(common_dir), found[at].hash
    message = ask(repo, "show", "--no-patch", "--format=%B", hash) or ""
    if message.startswith("Squashed commit of the following:"):
        return tuple(_LISTED.findall(message))
    left = next((n for n in range(at - 1, 0, -1) if _LEFT.match(found[n].how)), None)
    if left is None:
        return ()
    tip = found[left - 1].hash
    olds = (ask(repo, "rev-list", f"--max-count={_MOST}", tip, f"^{hash}") or "").split()
    if not olds:
        return ()
    merged = ask(repo, "merge-tree", "--write-tree", f"{hash}^", tip) or ""
    return tuple(olds) if merged.strip() and merged == ask(repo, "rev-parse", f"{hash}^{{tree}}") else ()


def _tip_before(common_dir: Path, branch: str | None, end: Move | None) -> str | None:
    """Where a branch stood before the rebase that ended with this move, as its own log tells."""
    if branch is None or end is None:
        return None
    log = moves.read(logs.content(common_dir, f"refs/heads/{branch}"))
    places = [at for at in range(1, len(log)) if log[at].hash == end.hash and moves.finishes(log[at].how)]
    at = min(places, key=lambda at: (abs(log[at].at_us - end.at_us), -at), default=None)
    return None if at is None else log[at - 1].hash


def _changes(repo: str, pairs: list[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """A fingerprint of what each of these commits changes: beyond its parent, or a second one that is named."""
    wanted = lines_of(" ".join(pair) for pair in pairs)
    told = ask(repo, "diff-tree", "--stdin", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", told=wanted)
    by_hash = {pair[0]: pair for pair in pairs}
    printed = ask(repo, "patch-id", "--stable", told=(told or "").encode())
    ids = (line.split() for line in (printed or "").splitlines())
    return {by_hash[words[1]]: words[0] for words in ids if len(words) == 2 and words[1] in by_hash}
