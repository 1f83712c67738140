"""Who has worked on a repository, as its history names them."""

from __future__ import annotations

from tokenguard.attribution.git import ask

_MOST = 20_000
"""Commits that are looked at, the latest first."""


def authors(worktree: str) -> dict[str, str]:
    """Mail address -> name, as used last; one's own among them. Never raises."""
    told = ask(worktree, "log", "--all", f"--max-count={_MOST}", "--no-show-signature", "--format=%aE%x00%aN") or ""
    pairs = (line.partition("\0") for line in told.splitlines())
    own = own_address(worktree)
    found = {own: (ask(worktree, "config", "--get", "user.name") or own).strip()} if own else {}
    for address, _, name in pairs:
        found.setdefault(address, name or address)
    return found


def own_address(worktree: str) -> str:
    """The address that one's own commits there have; empty if git knows none. Never raises."""
    return (ask(worktree, "config", "--get", "user.email") or "").strip()
