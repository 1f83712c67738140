"""What git hooks have noted of a repository, line by line, in a file that only grows until it is taken away.

Lines are `1 KIND ...`, with fields that hold no spaces, but for the reason of an override:

    1 commit WORKTREE BRANCH HASH              1 squash WORKTREE HASH...
    1 rewrite amend|rebase OLD NEW             1 override WORKTREE BRANCH commit|push REASON
    1 push WORKTREE BRANCH                     1 begin WORKTREE BRANCH
    1 logged WORKTREE CHANGE

`WORKTREE` is `.`, or the name of a linked one; `BRANCH` is `-` on a detached HEAD, and `?` where a hook would have had
to ask git. A `squash` of more than 2,000 characters goes on in the line after it. `CHANGE` is a number in hexadecimal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TREE = re.compile(r"\.|(?!\.\.?$)[^/\0]+")
_CHANGE = re.compile(r"[0-9a-f]{1,16}")
_NONE = ("-", "?")
_FULL = 2_000
_MOST = 8 << 20
"""Bytes that are read of a file, at most: hooks write a hundred of them for a commit."""


class Made(Struct, frozen=True):
    """A commit was made."""

    tree: str
    branch: str | None
    hash: str


class Logged(Struct, frozen=True):
    """A commit was made; which one, the log of HEAD tells, where that is in tables: see `logged`."""

    tree: str
    change: int
    """Of whatever reference: the last one in those tables when this was noted."""


class Rewritten(Struct, frozen=True):
    """A commit took the place of another one."""

    kind: str
    old: str
    new: str


class Squashing(Struct, frozen=True):
    """The next commit in a working tree is made of these, which stay as they are."""

    tree: str
    hashes: tuple[str, ...]


class Pushed(Struct, frozen=True):
    """Something is about to be pushed."""

    tree: str
    branch: str | None


class Begun(Struct, frozen=True):
    """A commit is about to be made, and no hook will note it."""

    tree: str
    branch: str | None


class Overridden(Struct, frozen=True):
    """Somebody went on although a hook said no."""

    tree: str
    branch: str | None
    event: str
    reason: str


Line = Made | Logged | Rewritten | Squashing | Pushed | Begun | Overridden


class Noted(Struct, frozen=True):
    """The lines of a file."""

    lines: tuple[Line, ...]
    written_us: int
    """When the last one was written."""
    unknown: int = 0
    """Lines that mean nothing."""


def take(file: Path, aside: Path) -> Callable[[], Noted | None]:
    """Take the file away, so that hooks begin a new one; it is `aside` until somebody has seen to all its lines.

    What is returned reads it, again and again: whoever had opened the file before may still write to it, and what was
    left aside by a process that ended is there as well. It tells None once there is nothing, or nothing new, and then
    the file is gone. Raises `OSError`.
    """
    if not aside.exists():
        try:
            file.rename(aside)
        except FileNotFoundError:
            return lambda: None
    seen = -1

    def more() -> Noted | None:
        nonlocal seen
        size = aside.stat().st_size
        if size == seen:
            aside.unlink()
            return None
        with open(aside, "rb") as opened:
            written_us = os.fstat(opened.fileno()).st_mtime_ns // 1000
            content = opened.read(_MOST)
        seen = size
        return parse(content, written_us)

    return more


def parse(content: bytes, written_us: int) -> Noted:
    """The lines of a file that was written last at this instant; one without its end is still being written."""
    told = [_line(line) for line in content.decode("utf-8", "replace").split("\n")[:-1]]
    lines = tuple(_joined(line for line in told if line is not None))
    return Noted(lines, written_us, told.count(None))


def _joined(lines: Iterable[Line]) -> list[Line]:
    """With squashes that were too long for one write in one piece."""
    found: list[Line] = []
    goes_on = False
    for line in lines:
        before = found[-1] if goes_on else None
        goes_on = isinstance(line, Squashing) and sum(len(hash) + 1 for hash in line.hashes) > _FULL
        if isinstance(before, Squashing) and isinstance(line, Squashing) and before.tree == line.tree:
            found[-1] = Squashing(line.tree, before.hashes + line.hashes)
        else:
            found.append(line)
    return found


def _line(text: str) -> Line | None:
    match text.split(" "):
        case ["1", "commit", tree, branch, hash] if _are(_TREE, tree) and branch and _are(_HASH, hash):
            return Made(tree, _branch(branch), hash)
        case ["1", "logged", tree, change] if _are(_TREE, tree) and _are(_CHANGE, change):
            return Logged(tree, int(change, 16))
        case ["1", "rewrite", ("amend" | "rebase") as kind, old, new] if _are(_HASH, old, new):
            return Rewritten(kind, old, new)
        case ["1", "squash", tree, *hashes] if _are(_TREE, tree) and hashes and _are(_HASH, *hashes):
            return Squashing(tree, tuple(hashes))
        case ["1", "push", tree, branch] if _are(_TREE, tree) and branch:
            return Pushed(tree, _branch(branch))
        case ["1", "begin", tree, branch] if _are(_TREE, tree) and branch:
            return Begun(tree, _branch(branch))
        case ["1", "override", tree, branch, ("commit" | "push") as event, *reason] if _are(_TREE, tree) and branch:
            return Overridden(tree, _branch(branch), event, " ".join(reason).strip())
        case _:
            return None


def _are(pattern: re.Pattern[str], *texts: str) -> bool:
    return all(pattern.fullmatch(text) for text in texts)


def _branch(name: str) -> str | None:
    return None if name in _NONE else name
