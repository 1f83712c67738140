"""From a folder to its repository, working tree and branch.

Read from git's own files, because a subprocess per call would cost milliseconds. The files' formats are those
of gitrepository-layout(5).
"""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

_IN_TABLES = "ref: refs/heads/.invalid"
"""What HEAD holds where git keeps references in tables (reftable.adoc, "Backward compatibility")."""


class Place(Struct, frozen=True):
    """Where in which repository something runs; all None outside one."""

    repo: str | None = None
    """Main working tree (or the bare folder): the same for all linked working trees. As `named` has it."""
    worktree: str | None = None
    git_dir: str | None = None
    """Folder that holds this working tree's HEAD."""

    @property
    def common_dir(self) -> str | None:
        """Folder that all working trees of the repository share. Costs one small read."""
        return None if self.git_dir is None else str(_common_dir(Path(self.git_dir)))

    def branch(self) -> str | None:
        """The branch checked out now; None when HEAD is detached or cannot be read. Costs one small read."""
        if self.git_dir is None:
            return None
        try:
            with open(f"{self.git_dir}/HEAD", encoding="utf-8", errors="replace") as head:
                line = head.readline().rstrip("\n")
        except OSError:
            return None
        if line == _IN_TABLES:
            line = f"ref: {_tabled(self.git_dir)}"
        return line.removeprefix("ref: refs/heads/") if line.startswith("ref: refs/heads/") else None


def locate(folder: Path) -> Place:
    """The place of a folder; `Path()` is the current one. Never raises: what cannot be read is not a repository."""
    try:
        top = folder.resolve()
    except OSError:
        return Place()
    for candidate in (top, *top.parents):
        git_dir = _git_dir(candidate)
        if git_dir is not None:
            return Place(named(_main_tree(git_dir, candidate)), named(candidate), str(git_dir))
    return Place()


def named(folder: str | Path) -> str:
    """A folder as the ledger and JSON can hold it.

    One whose name is not UTF-8 gets a name that leads nowhere: its calls count, and no file is read by that name.
    """
    return os.fsencode(folder).decode("utf-8", "replace")


def _tabled(git_dir: str) -> str | None:
    """What HEAD stands for where that is in tables."""
    from tokenguard.attribution import tables  # hardly any repository has them

    try:
        return tables.target(git_dir, "HEAD") if tables.are_in(git_dir) else None
    except OSError:
        return None


def _git_dir(tree: Path) -> Path | None:
    """The git folder of a working tree whose top is `tree`, None if it is not one."""
    entry = tree / ".git"
    try:
        if (entry / "HEAD").is_file():
            return entry
        pointer = entry.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    if not pointer.startswith("gitdir: "):
        return None
    git_dir = (tree / pointer.removeprefix("gitdir: ").rstrip("\n")).resolve()
    return git_dir if (git_dir / "HEAD").is_file() else None


def _main_tree(git_dir: Path, tree: Path) -> Path:
    """The tree that stands for the repository; a linked working tree names the common folder."""
    shared = _common_dir(git_dir)
    if shared == git_dir:
        return tree
    return shared.parent if shared.name == ".git" else shared


def _common_dir(git_dir: Path) -> Path:
    try:
        common = (git_dir / "commondir").read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
    except OSError:
        return git_dir
    return (git_dir / common).resolve()
