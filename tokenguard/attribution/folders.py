"""Folders as logs name them: to what repository they belong, also when they are long gone, and which branch it was on.

A folder that is there is asked itself. One that is gone belongs, by the first of these that holds:

1. to the nearest working tree around it, but for the home folder: one that is there, one that the ledger has told of,
   or one that its repository still has on its books (git strikes out what was deleted only when it prunes);
   in the usual places for working trees within another (`.claude/worktrees/NAME`, `.worktrees/NAME`) it was one;
2. to the repository beside it that knows its branch, if its name begins with that one's, as in `web` and `web-login`;
3. to none, where the log says that there was none; else it stands for itself, as a repository that is gone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tokenguard.attribution import books, reflog
from tokenguard.attribution.place import Place, locate

_INSIDE = re.compile(r"(?:\.claude/worktrees|\.worktrees|worktrees)/[^/]+")
_NO_REPOSITORY = ""
_NO_BRANCH = (_NO_REPOSITORY, "HEAD")
"""What agents write down where there is no repository, and for a commit that is on no branch."""
_EVERYWHERE = frozenset({"main", "master", "trunk", "develop"})
"""Branches that say nothing about where they are."""
_BESIDE = 500
"""So many folders beside one that is gone are looked at, at most."""


class Spot(NamedTuple):
    """Where a response was asked for; all None outside a repository."""

    repo: str | None = None
    worktree: str | None = None
    branch: str | None = None


class Folders:
    """Finds the places of folders. Every question after the first about a folder costs next to nothing.

    What it has found it keeps: make a new one for every import, so that what has changed meanwhile is seen.
    """

    def __init__(self, known: Callable[[], Mapping[str, str]], home: Path) -> None:
        """`known`: working tree -> repository from before, asked once there is a folder that is gone."""
        self._known: Callable[[], Mapping[str, str]] | None = known
        self._trees: dict[str, str] = {}
        self._read: set[str] = set()
        self._home = os.path.realpath(home)
        self._places: dict[tuple[str, str | None], Place] = {}
        self._logs: dict[str, tuple[reflog.Switches, str | None]] = {}
        self._beside: dict[str, list[str]] = {}

    def spot(self, folder: str | None, branch: str | None, at_us: int) -> Spot:
        """Where a response was asked for at an instant.

        `branch` is what the log says: empty where there was no repository, None where it says nothing. Never raises.
        """
        told = None if branch in _NO_BRANCH else branch
        if folder is None or not _is_usable(folder):
            return Spot(branch=told)
        place = self._places.get((folder, branch))
        if place is None:
            place = self._places[folder, branch] = self._find(folder, branch)
        if branch is None and place.git_dir is not None:
            told = self._branch_at(place, place.git_dir, at_us)
        return Spot(place.repo, place.worktree, told)

    def _find(self, folder: str, branch: str | None) -> Place:
        there = os.path.isdir(folder)
        if there and (place := locate(Path(folder))).repo is not None:
            self._learn(place.repo)
            return place
        real = os.path.realpath(folder)
        found = self._around(real) or (None if there or branch == _NO_REPOSITORY else self._alone(real, branch))
        return found or Place()

    def _around(self, real: str) -> Place | None:
        """The nearest working tree in or below which a folder was."""
        if self._known is not None:
            known, self._known = self._known(), None
            self._trees |= known
            for repo in set(known.values()):
                self._learn(repo)
        above = locate(Path(next(one for one in _up(real) if os.path.isdir(one))))
        if above.repo is not None and above.worktree is not None:
            self._learn(above.repo)
            self._trees[above.worktree] = above.repo
        tree = next((one for one in _up(real) if one in self._trees and one != self._home), None)
        if tree is None:
            return None
        inside = _INSIDE.match(os.path.relpath(real, tree))
        return Place(self._trees[tree], os.path.join(tree, inside[0]) if inside else tree)

    def _alone(self, real: str, branch: str | None) -> Place:
        """The place of a folder around which there is nothing."""
        repo = self._sibling(real, branch)
        if (found := self._around(real)) is not None:  # on the books of one beside it
            return found
        if branch is not None:  # it was a repository, and what is below it belongs to it
            self._trees[real] = repo or real
        return Place(repo or real, real)

    def _sibling(self, real: str, branch: str | None) -> str | None:
        """The repository beside a folder, or beside the one above (`web.worktrees/login`), that has its branch."""
        above = os.path.dirname(real)
        for name in (real, above):
            for repo in self._repositories(os.path.dirname(name)):
                rest = name.removeprefix(repo)
                if rest != name and not rest[:1].isalnum() and branch not in _EVERYWHERE and books.has(repo, branch):
                    return repo
        return None

    def _repositories(self, folder: str) -> list[str]:
        """The repositories in a folder, those with the longest names first."""
        if folder not in self._beside:
            try:
                with os.scandir(folder) as entries:
                    found = [entry.path for entry in islice(entries, _BESIDE) if os.path.isdir(f"{entry.path}/.git")]
            except OSError:
                found = []
            self._beside[folder] = sorted(found, key=lambda path: (-len(path), path))
            for repo in found:
                self._learn(repo)
        return self._beside[folder]

    def _learn(self, repo: str) -> None:
        """Take note of the working trees that a repository has, and that it has on its books."""
        if repo not in self._read:
            self._read.add(repo)
            self._trees |= dict.fromkeys(books.trees(repo), repo)

    def _branch_at(self, place: Place, git_dir: str, at_us: int) -> str | None:
        if git_dir not in self._logs:
            self._logs[git_dir] = reflog.of(git_dir), place.branch()
        switches, now = self._logs[git_dir]
        return switches.at(at_us, now)


def _is_usable(folder: str) -> bool:
    """Whether it can be the path of a folder at all."""
    try:
        return b"\0" not in os.fsencode(folder) and os.path.isabs(folder)
    except UnicodeError:
        return False


def _up(path: str) -> list[str]:
    return [path, *map(str, Path(path).parents)]
