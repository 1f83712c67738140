"""Where work was done, as far as charges tell: what logs say of folders that are gone is understood by it."""

from __future__ import annotations

import sqlite3

_SEEN = """SELECT worktree, repo FROM sessions WHERE worktree IS NOT NULL AND repo IS NOT NULL
    UNION SELECT worktree, repo FROM rollup_keys WHERE worktree IS NOT NULL AND repo IS NOT NULL"""
_TREES = f"SELECT worktree, repo FROM ({_SEEN}) ORDER BY worktree <> repo, repo"


def trees(conn: sqlite3.Connection) -> dict[str, str]:
    """Working tree -> its repository.

    One that was taken for a repository of its own before it was known better belongs to the other one.
    """
    return dict(conn.execute(_TREES).fetchall())


def branches(conn: sqlite3.Connection, repo: str) -> set[str]:
    """The branches of a repository on which something was charged."""
    rows = conn.execute("SELECT DISTINCT branch FROM rollup_keys WHERE repo = ? AND branch IS NOT NULL", (repo,))
    return {branch for (branch,) in rows}
