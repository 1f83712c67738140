"""Commits, as far as they tell what calls were for."""

from __future__ import annotations

from msgspec import Struct


class Closing(Struct, frozen=True):
    """A commit that was made in a working tree: the calls there in the span before it were for it."""

    hash: str
    repo: str
    worktree: str
    """As in `Call`."""
    branch: str | None
    """None on a detached HEAD."""
    since_us: int
    """The first instant of the span: when the commit before it was made there."""
    until_us: int
    """The first instant that is not for it any more."""
    repeats: bool = False
    """Whether it was made of another commit: by a rebase, or a cherry-pick."""
    twin: str = ""
    """A fingerprint that commits share which repeat each other: of author, date and subject."""


class Rewrite(Struct, frozen=True):
    """A commit in the place of another one."""

    kind: str
    """`amend`, `rebase` or `squash`."""
    old: str
    new: str
