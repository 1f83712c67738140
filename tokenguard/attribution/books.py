"""What a repository itself knows of its working trees and branches, read from its files (gitrepository-layout(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tokenguard.attribution import tables


def trees(repo: str) -> Iterator[str]:
    """The working trees of a repository, those that are gone included, until git prunes them. Never raises."""
    git_dir = _git_dir(repo)
    if git_dir is None:
        return
    yield repo
    try:
        names = os.listdir(os.path.join(git_dir, "worktrees"))
    except OSError:
        return
    for name in names:
        pointer = os.path.join(git_dir, "worktrees", name, "gitdir")
        for line in _lines(pointer):
            if os.path.isabs(line) and os.path.basename(line) == ".git":
                yield os.path.realpath(os.path.dirname(line))


def has(repo: str, branch: str | None) -> bool:
    """Whether a repository has a branch, or remembers one. Never raises."""
    git_dir = _git_dir(repo)
    if git_dir is None or not branch or "\0" in branch:
        return False
    if tables.are_in(git_dir):
        return _tells(git_dir, f"refs/heads/{branch}")
    if any(os.path.isfile(os.path.join(git_dir, kind, branch)) for kind in ("refs/heads", "logs/refs/heads")):
        return True
    return any(line.endswith(f" refs/heads/{branch}") for line in _lines(os.path.join(git_dir, "packed-refs")))


def _tells(git_dir: str, name: str) -> bool:
    """Whether there is a reference in tables, or its log."""
    try:
        return name in tables.names(git_dir) or tables.log(git_dir, name, 1) is not None
    except (OSError, ValueError):
        return False


def _git_dir(repo: str) -> str | None:
    """The git folder of a main working tree, or the repository itself where it is a bare one."""
    inner = os.path.join(repo, ".git")
    return next((one for one in (inner, repo) if os.path.isfile(os.path.join(one, "HEAD"))), None)


def _lines(file: str) -> list[str]:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as text:
            return text.read().splitlines()
    except (OSError, ValueError):
        return []
