"""What git says of a folder of hooks that is no repository's own: who looks there, and which hooks it tracks.

All of it blocks while git is asked.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from tokenguard.attribution import locate
from tokenguard.attribution.git import ask
from tokenguard.attribution.layout import working_trees
from tokenguard_hooks import scripts

_ENDS = ("", scripts.ASLEEP, scripts.CHAINED)


def leads_to(folders: Collection[Path], common_dir: Path) -> bool:
    """Whether git finds the hooks of a repository in one of these folders, which are physical paths. Never raises."""
    if not folders:
        return False
    trees = [Path(one.path) for one in working_trees(str(common_dir), tuple) if one.path is not None]
    return any(_hooks_of(tree, common_dir) in folders for tree in trees or [common_dir])


def _hooks_of(tree: Path, common_dir: Path) -> Path:
    """Where git looks for the hooks of a working tree."""
    told = ask(str(tree), "config", "--type=path", "--show-scope", "--null", "--get-all", "core.hooksPath") or ""
    parts = told.split("\0")
    # Whoever asks git switches hooks off, by this very setting.
    given = [value for scope, value in zip(parts[::2], parts[1::2], strict=False) if scope != "command"]
    return (tree / given[-1] if given else common_dir / "hooks").resolve()


def is_free(folder: Path) -> bool:
    """Whether names in a folder are this user's alone to change, and git does not take notice of it."""
    try:
        told = folder.stat()
    except OSError:
        return False
    return told.st_uid == os.geteuid() and not told.st_mode & 0o022 and tracked(folder) == frozenset()


def tracked(folder: Path) -> frozenset[str] | None:
    """The hooks of which git tracks a file; None where it does not tell."""
    common_dir = locate(folder).common_dir
    if common_dir is None or folder.is_relative_to(common_dir):
        return frozenset()
    told = ask(str(folder), "ls-files", "-z", "--", *(f"{event}{end}" for event in scripts.TO_SLEEP for end in _ENDS))
    return None if told is None else frozenset(name.partition(".")[0] for name in told.split("\0") if name)
