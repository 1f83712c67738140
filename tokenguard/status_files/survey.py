"""Which repositories have hooks, and by what rules those speak in each of their working trees. Blocks: for a thread."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec import Struct

from tokenguard.attribution import layout, logged
from tokenguard.attribution.layout import WorkingTree
from tokenguard.config import hook_paths, hooks
from tokenguard.config.budgets import as_one, read_repository_budgets
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.errors import ConfigError
from tokenguard.ledger import places, queries
from tokenguard.policy.hooking import is_plain
from tokenguard.policy.reactions import Reactions, depends_on_branch
from tokenguard.records import Budget

log = logging.getLogger(__name__)

MOST_BRANCHES = 200
"""Branches of a repository for which hooks have lines of their own."""


class Rules(Struct, frozen=True):
    """By what hooks speak."""

    repo: str
    """As calls name the repository."""
    own: tuple[Budget, ...]
    """Of the repository's file."""
    reactions: Reactions


class Tree(Struct, frozen=True):
    """A working tree."""

    name: str
    path: str | None
    rules: Rules


class Repository(Struct, frozen=True):
    """A repository with hooks."""

    folder: Path
    """Where the daemon leaves its files."""
    trees: tuple[Tree, ...]
    """The main one first."""
    branches: tuple[str, ...]
    """Those on which something else can hold than on others."""
    logged: tuple[str, ...] = ()
    """The working trees, by their names, whose commits git's log tells: hooks need not ask which those are."""


class Survey:
    """Looks at repositories with hooks. What is wrong with their settings is logged once."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._told: dict[str, str] = {}

    def folders(self) -> Iterator[Path]:
        """The folders in which hooks are installed, or have noted something."""
        root = hook_paths.repositories(self._paths)
        for folder, _, files in os.walk(root):
            has_notes = any(name.startswith(hook_paths.SPOOL) for name in files)
            if has_notes or layout.is_repository(str(hook_paths.common_dir(self._paths, Path(folder)))):
                yield Path(folder)

    def repository(self, folder: Path, config: Config) -> Repository | None:
        """The repository of a folder; None if it is gone, or nothing is known for sure."""
        common_dir = str(hook_paths.common_dir(self._paths, folder))
        if not (folder.is_dir() and layout.is_repository(common_dir)):
            return None
        try:
            found = self._found(folder, common_dir, config)
        except Exception as error:
            self._tell(common_dir, f"hooks say nothing in {common_dir}: {error}")
            return None
        self._told.pop(common_dir, None)
        return found

    def _found(self, folder: Path, common_dir: str, config: Config) -> Repository:
        found = layout.working_trees(common_dir, self._known)
        trees = [Tree(one.name, one.path, self._rules(one, config)) for one in found]
        budgets = (*config.budgets, *(budget for tree in trees for budget in tree.rules.own))
        branches = self._branches(common_dir, found[0].repo, [one for one in budgets if depends_on_branch(one)])
        names = [tree.name for tree in trees if is_plain(tree.name)]
        told = tuple(name for name in names if logged.are_told(Path(common_dir), name))
        return Repository(folder, tuple(trees), branches, told)

    def _rules(self, tree: WorkingTree, config: Config) -> Rules:
        own: tuple[Budget, ...] = ()
        theirs = None
        if tree.path is not None:
            try:
                own = as_one(read_repository_budgets(Path(tree.path), tree.repo), tree.repo)
                theirs = hooks.read_repository_hooks(Path(tree.path))
                self._told.pop(tree.path, None)
            except ConfigError as error:
                self._tell(tree.path, f"hooks say nothing of the budgets in {tree.path}: {error.message}")
        return Rules(tree.repo, own, hooks.reactions(config.hooks, theirs))

    def _branches(self, common_dir: str, repo: str, budgets: Sequence[Budget]) -> tuple[str, ...]:
        """The local branches on which one of these budgets can have counted something, or counts at all."""
        if not budgets:
            return ()
        local = sorted(filter(is_plain, layout.branches(common_dir)))
        globs = {glob for budget in budgets for field, glob in budget.match if field == "branch"}
        with closing(queries.connect_readonly(self._paths.ledger)) as conn:
            charged = places.branches(conn, repo)
        # Those that cost something come first: nothing can be used up on a branch without a call.
        local.sort(key=lambda branch: branch not in charged)
        wanted = (one for one in local if one in charged or any(fnmatchcase(one, glob) for glob in globs))
        return tuple(wanted)[:MOST_BRANCHES]

    def _known(self) -> list[str]:
        with closing(queries.connect_readonly(self._paths.ledger)) as conn:
            return list(places.trees(conn))

    def _tell(self, about: str, text: str) -> None:
        if self._told.get(about) != text:
            log.warning("%s", text)
        self._told[about] = text
